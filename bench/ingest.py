"""Ingest, validate and aggregate a generated log: seconds, peak memory, and pandas beside it.

The peer does far less: pandas reads the columns and groups them, unchecked and unstored.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench._services import services

ROWS = 10_000_000
SECONDS_TO_REACH, BYTES_TO_REACH = 120.0, 1.5e9
CAMPAIGN, POLICY = "men", "random"


def main() -> int:
    """Measure every step in a process of its own; fail if the targets are missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--folder", type=Path, help="a generated log to use again")
    parser.add_argument("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        sys.stdout.write(json.dumps(_measured(STEPS[given.step], given.folder)) + "\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="allot-bench-") as temporary:
        folder = given.folder or Path(temporary) / "release"
        if not (folder / POLICY).exists():
            _report("generate", _run_generator(folder, given.rows), given.rows)
        with services(Path(temporary)) as environment:
            found = {name: _run(name, folder, environment) for name in STEPS}
    return _conclude(found, given.rows)


def _conclude(found: dict[str, tuple[float, float]], rows: int) -> int:
    for name, measured in found.items():
        _report(name, measured, rows)
    ours = [found[name] for name in ("ingest", "validate", "aggregate")]
    seconds, peak = sum(one[0] for one in ours), max(one[1] for one in ours)
    _report("ingest + validate + aggregate", (seconds, peak), rows)
    target = SECONDS_TO_REACH * max(1.0, rows / ROWS)
    sys.stdout.write(
        f"to reach: {target:.0f} s, {BYTES_TO_REACH / 1e9:.1f} GB; "
        f"pandas read_csv + groupby took {seconds / found['pandas'][0]:.2f}x less time, "
        f"{found['pandas'][1] / peak:.2f}x our memory\n"
    )
    return int(seconds > target or peak > BYTES_TO_REACH)


def _run_generator(folder: Path, rows: int) -> tuple[float, float]:
    begin = time.perf_counter()
    command = ["include.tasks.generate", "--rows", str(rows), "--out", str(folder)]
    with subprocess.Popen([sys.executable, "-m", *command]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return time.perf_counter() - begin, usage.ru_maxrss * 1024


def _run(step: str, folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Run a step in a fresh process; its start and imports count, as in a task."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", "bench.ingest", "--step", step, "--folder", str(folder)]
    result = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    peak = json.loads(result.stdout.splitlines()[-1])
    return time.perf_counter() - begin, float(peak)


def _measured(step: Callable[[Path], None], folder: Path) -> int:
    import resource

    step(folder)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _ingest(folder: Path) -> None:
    from include.settings import settings
    from include.tasks.ingest import ingest_log

    ingest_log(settings(), CAMPAIGN, POLICY, str(folder))


def _validate(folder: Path) -> None:
    from include.settings import settings
    from include.tasks.ingest import ingest_log
    from include.tasks.validate import validate_log

    # Finds its bytes in bronze: reading and hashing the file again is counted here.
    key = ingest_log(settings(), CAMPAIGN, POLICY, str(folder)).log_key
    validate_log(settings(), CAMPAIGN, POLICY, key)


def _aggregate(_: Path) -> None:
    from include.settings import settings
    from include.tasks.aggregate import aggregate_batch, closed_batches

    slug = f"obd-{CAMPAIGN}"
    for batch_id in closed_batches(settings(), slug):
        aggregate_batch(settings(), slug, batch_id)


def _pandas(folder: Path) -> None:
    import pandas as pd

    wanted = ["timestamp", "item_id", "position", "click", "propensity_score"]
    frame = pd.read_csv(folder / POLICY / CAMPAIGN / f"{CAMPAIGN}.csv", usecols=wanted)
    frame["day"] = frame["timestamp"].str.slice(0, 10)
    frame["weight"] = 1.0 / frame["propensity_score"]
    frame.groupby(["day", "position", "item_id"])[["click", "weight"]].agg(["sum", "count"])


STEPS: dict[str, Callable[[Path], None]] = {
    "ingest": _ingest,
    "validate": _validate,
    "aggregate": _aggregate,
    "pandas": _pandas,
}


def _report(name: str, measured: tuple[float, float], rows: int) -> None:
    seconds, peak = measured
    sys.stdout.write(
        f"{name:<30} {seconds:7.1f} s  {rows / seconds:12,.0f} rows/s  peak {peak / 1e9:5.2f} GB\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
