"""Run the whole fleet on services of its own, and write what became of it.

``python -m tests.fleet`` writes docs/studies/fleet.md; ``--only SLUG …`` runs some and writes none.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

from bench._services import services
from studies.table import Study
from tests.fleet.member import BATCHES, Member
from tests.fleet.outcome import Outcome
from tests.fleet.run import Fleet
from tests.fleet.table import FLEET
from tests.fleet.verify import verified

SEED = 20_260_302
FOLDER = Path(__file__).parents[2] / "docs" / "studies"


def main() -> int:
    """Run, print, write; return how many experiments are not as they must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="SLUG", default=[])
    parser.add_argument("--batches", type=int, default=BATCHES)
    given = parser.parse_args()
    members = [member for member in FLEET if not given.only or member.slug in given.only]
    logging.disable(logging.WARNING)
    with (
        tempfile.TemporaryDirectory(prefix="allot-fleet-") as folder,
        services(Path(folder)) as environment,
    ):
        fleet = run(environment, members, given.batches)
        found = {member: verified(fleet, member) for member in members}
    for member, ended in found.items():
        say(f"{member.slug:<16} {ended.told:<44} {ended.batch or '–'}")
        for fault in ended.faults:
            say(f"    {fault}")
    if not given.only:
        study(fleet, found).write(FOLDER)
    return sum(bool(ended.faults) for ended in found.values())


def run(environment: dict[str, str], members: list[Member], batches: int) -> Fleet:
    """Run the batches; prints what each took."""
    from include.settings import settings

    os.environ.update(environment)
    settings.cache_clear()
    fleet = Fleet(settings(), members, SEED)
    fleet.start()
    for batch in range(batches):
        begin = time.perf_counter()
        fleet.step(batch)
        say(f"batch {batch + 1:>2} {time.perf_counter() - begin:6.1f} s")
    for task, seconds in sorted(fleet.seconds.items(), key=lambda each: -each[1]):
        runs = fleet.runs[task]
        say(f"{task:<10} {seconds:7.1f} s {runs:>6} times {1000 * seconds / runs:7.1f} ms")
    return fleet


def study(fleet: Fleet, found: dict[Member, Outcome]) -> Study:
    """Lay out what became of the fleet as the studies do."""
    per_batch = sum(s for task, s in fleet.seconds.items() if task != "users") / BATCHES
    return Study(
        name="fleet",
        title="A fleet of 50 experiments over 28 batches",
        question=(
            "Every experiment's outcome was fixed before the run (`tests/fleet/table.py`). Users "
            "decide under the weights that are live, in the API's own log; then the tasks of "
            "`ingest_decision_log`, `update_allocation`, `judge_experiments` and "
            "`decide_experiments` run in one process on the real PostgreSQL, S3 and store. *Runs*: "
            "nothing ships, nothing is held. *Stops*: no batch from the broken one on moves a "
            "weight. *Batch* is the one that ended it, or was stopped."
        ),
        seed=fleet.seed,
        rows=[
            {
                "experiment": member.slug,
                "truth": " / ".join(f"{rate:g}" for rate in member.rates[:5]),
                "broken by": member.breaks or "",
                "must": member.ends,
                "became": ended.told,
                "batch": "" if ended.batch is None else ended.batch,
            }
            for member, ended in found.items()
        ],
        promises={
            "every experiment ended as was fixed": not any(
                ended.faults for ended in found.values()
            ),
        },
        reading=(
            "Also checked, and part of the promise: every condition of every recommendation "
            "recomputed from its numbers, all sums and the newest verdict's observations from "
            "silver's rows, and every version from its sums, byte for byte. All tasks of all "
            f"experiments took {per_batch:.0f} s a batch, while other work ran."
        ),
        source="Simulated by `make fleet`, seed {seed}.",
    )


def say(line: str) -> None:
    """Print at once: a fleet takes a while."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
