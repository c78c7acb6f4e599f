"""Ingest, validate and aggregate generated logs: seconds, rows/s and peak memory per step.

Beside it what pandas and polars take to read and group one of these logs: far less work,
since they neither check nor store a row. ``python -m bench.ingest --rows 26000000 --logs all``
spreads the rows over all campaigns and behavior policies, as the full release has them.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench._measured import Measured, measure
from bench._services import services
from include.bandit.open_bandit import BEHAVIOR_POLICIES, ITEMS, Log

ROWS: Final = 10_000_000
SECONDS_TO_REACH, BYTES_TO_REACH = 120.0, 1.5e9
ONE_LOG: Final = (Log("men", "random"),)
ALL_LOGS: Final = tuple(Log(name, policy) for name in ITEMS for policy in BEHAVIOR_POLICIES)
# About the proportions of the release (a tenth is random): a mix, not its exact counts.
SHARES: Final = {
    Log("all", "random"): 5,
    Log("all", "bts"): 46,
    Log("men", "random"): 2,
    Log("men", "bts"): 15,
    Log("women", "random"): 3,
    Log("women", "bts"): 29,
}


@dataclass
class Step:
    """A step, added up over the logs."""

    name: str
    rows: int = 0
    runs: list[Measured] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Return its seconds, log after log."""
        return sum(run.seconds for run in self.runs)

    @property
    def peak(self) -> float:
        """Return the most memory that it took for a log."""
        return max(run.peak for run in self.runs)

    def add(self, run: Measured, rows: int) -> str:
        """Add a run; return what it said."""
        self.runs.append(run)
        self.rows += rows
        return run.said.strip()

    def __str__(self) -> str:
        """Tell what it took."""
        spent = sum(run.processor_seconds for run in self.runs)
        return (
            f"{self.name:<32}{self.seconds:8.1f} s {spent:8.1f} CPU s"
            f"{self.rows / self.seconds:13,.0f} rows/s   peak {self.peak / 1e9:5.2f} GB\n"
        )


def main() -> int:
    """Measure every step in a process of its own; fail if the targets are missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="of all logs together")
    parser.add_argument("--logs", choices=("one", "all"), default="one")
    parser.add_argument("--folder", type=Path, help="where to generate, or generated logs are")
    given = parser.parse_args()
    counts = _rows_of(ONE_LOG if given.logs == "one" else ALL_LOGS, given.rows)
    with tempfile.TemporaryDirectory(prefix="allot-bench-") as temporary:
        folder = given.folder or Path(temporary) / "release"
        _generate(folder, counts)
        with services(Path(temporary)) as environment:
            steps = _run_all(folder, counts, environment)
        first = next(iter(counts))
        peers = {name: _peer(name, first.path(folder), counts[first]) for name in _PEERS}
    return _conclude(steps, peers)


def _rows_of(logs: tuple[Log, ...], rows: int) -> dict[Log, int]:
    """Share out the rows; the first log takes what rounding leaves."""
    whole = sum(SHARES[log] for log in logs)
    counts = {log: rows * SHARES[log] // whole for log in logs}
    counts[logs[0]] += rows - sum(counts.values())
    return counts


def _generate(folder: Path, counts: Mapping[Log, int]) -> None:
    step = Step("generate")
    for log, rows in counts.items():
        if log.path(folder).exists():
            continue
        command = f"--rows {rows} --campaign {log.campaign} --policy {log.behavior_policy}"
        module = [sys.executable, "-m", "include.tasks.generate", "--out", str(folder)]
        step.add(measure([*module, *command.split()], {}), rows)
    if step.runs:
        _tell(step)


def _run_all(folder: Path, counts: Mapping[Log, int], environment: dict[str, str]) -> list[Step]:
    steps = [Step("ingest"), Step("validate"), Step("aggregate")]
    for log, rows in counts.items():
        names = (log.campaign, log.behavior_policy)
        key = steps[0].add(_run("ingest", environment, *names, str(folder)), rows)
        said = steps[1].add(_run("validate", environment, *names, key), rows)
        if said != f"{rows} {rows} 0":
            raise SystemExit(f"{log}: {said} rows in, in silver, refused; all {rows} are good")
        # Experiments learn from the uniform policy's logs alone.
        if log.behavior_policy == "random":
            summed = steps[2].add(_run("aggregate", environment, log.campaign), rows)
            if summed != str(rows):
                raise SystemExit(f"{log}: {summed} of {rows} rows were summed")
    for step in steps:
        _tell(step)
    return steps


def _peer(name: str, path: Path, rows: int) -> Step:
    step = Step(f"{name}: parse and group one log")
    if step.add(_run(name, {}, str(path)), rows) != str(rows):
        raise SystemExit(f"{name} did not group all rows")
    _tell(step)
    return step


def _run(step: str, environment: Mapping[str, str], *given: str) -> Measured:
    return measure([sys.executable, "-m", "bench._ingest_steps", step, *given], environment)


def _conclude(steps: list[Step], peers: Mapping[str, Step]) -> int:
    rows, seconds, peak = steps[0].rows, sum(one.seconds for one in steps), _highest(steps)
    total = Step("ingest + validate + aggregate", rows, [run for one in steps for run in one.runs])
    _tell(total)
    per_row = seconds / rows
    for name, peer in peers.items():
        sys.stdout.write(
            f"per row: {per_row / (peer.seconds / peer.rows):.1f} x the time of {name}; "
            f"peak: {peak / peer.peak:.2f} x its memory\n"
        )
    target = SECONDS_TO_REACH * max(1.0, rows / ROWS)
    sys.stdout.write(
        f"to reach: {target:.0f} s (took {seconds:.0f} s), "
        f"{BYTES_TO_REACH / 1e9:.1f} GB (took {peak / 1e9:.2f} GB)\n"
    )
    return int(seconds > target or peak > BYTES_TO_REACH)


def _highest(steps: list[Step]) -> float:
    return max(one.peak for one in steps)


def _tell(step: Step) -> None:
    sys.stdout.write(str(step))
    sys.stdout.flush()


_PEERS: Final = ("polars", "pandas")


if __name__ == "__main__":
    sys.exit(main())
