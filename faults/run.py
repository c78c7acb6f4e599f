"""One row of the matrix: load, a fault in its middle, quiet, and then the identities."""

import threading
import time
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from allot_client import Allot
from faults import airflow
from faults.batches import Batches, batches
from faults.ground import Ground, ground
from faults.identities import Identity, check_identities
from faults.injuries import INJURIES
from faults.ledger import AWAY, DECIDED, Ledger
from faults.load import Load, running
from faults.matrix import Row
from faults.watch import Watch, watching
from stack.environment import base_environment

EXPERIMENT: Final = "faults"
DECLARED: Final = {
    "batch": "PT5S",
    "reward": {"kind": "bernoulli", "window": "PT5S"},
    "limits": {"probability_floor": 0.05},
}
ARMS: Final = ["blue", "green", "red"]
QUIET_SECONDS: Final = 60.0
# Airflow calls a task of a killed scheduler dead after a minute without its heartbeat; then that
# run has to come again, and the one behind it.
SCHEDULED_QUIET_SECONDS: Final = 180.0
# A client notices the end of a fault by its next attempt.
AFTERMATH_SECONDS: Final = 10.0
log = structlog.get_logger("allot.faults")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row.

    Attributes
    ----------
    seconds
        Of load, and of the fault with the way back.
    answered, away
        Decisions that the API answered; calls that it did not in the client's patience.
    step_failures
        Runs of the steps that failed, and were repeated.
    quiet_after
        Seconds from the fault's end until nothing was left to do (load ends in between).
    """

    name: str
    load_seconds: float
    fault_seconds: float
    answered: int
    away: int
    step_failures: int
    quiet_after: float
    identities: list[Identity]

    @property
    def holds(self) -> bool:
        """Whether every identity does."""
        return all(each.holds for each in self.identities)


def run_row(row: Row, folder: Path, *, seconds: float, per_second: float) -> Outcome:
    """Run a row in an empty folder, on a stack of its own."""
    disk = {"api": "serving"}.get(row.target, row.target) if row.kind == "full disk" else None
    scheduled = row.target == "scheduler"
    with ground(folder, disk, airflow=scheduled) as site:
        return run_on(site, row, folder, seconds=seconds, per_second=per_second)


def run_on(site: Ground, row: Row, folder: Path, *, seconds: float, per_second: float) -> Outcome:
    """Run a row on a stack; its experiment is named by the row, so that several find place."""
    slug = f"{EXPERIMENT}-{row.target}-{row.kind}".replace(" ", "-")
    _create(site, slug)
    ledger = Ledger(folder / f"{slug}.jsonl")
    scheduled = row.target == "scheduler"
    with ExitStack() as over_all, ExitStack() as load:
        steps = over_all.enter_context(batches(_environment(site), slug))
        watch = load.enter_context(watching(_direct_url(site), slug))
        load.enter_context(nullcontext() if scheduled else steps.repeated())
        load.enter_context(running(site.url, Load(slug, per_second), ledger))
        begun = time.time()
        time.sleep(seconds / 3)
        fault = time.time()
        with INJURIES[row.kind](site, row.target):
            time.sleep(seconds / 3)
        over = time.time()
        time.sleep(max(0.0, begun + seconds - over))
        load.close()
        ended = time.time()
        if scheduled:
            airflow.finish(site, slug)
        else:
            _finish(steps, ended)
    quiet = time.time()
    ledger.close()
    url = _direct_url(site)
    found = check_identities(ledger, site.direct, slug, url=url, spool=site.spool)
    found += [
        _answered(row, ledger, fault, over),
        _per_worker(watch),
        _soon(quiet - max(over, ended), SCHEDULED_QUIET_SECONDS if scheduled else QUIET_SECONDS),
    ]
    answered = sum(1 for _ in ledger.facts(DECIDED))
    away = sum(1 for _ in ledger.facts(AWAY))
    return Outcome(
        row.name, ended - begun, over - fault, answered, away,
        len(steps.failures), quiet - over, found,
    )  # fmt: skip


def _environment(site: Ground) -> dict[str, str]:
    return {**base_environment(), **site.stack.environment}


def _direct_url(site: Ground) -> str:
    return site.stack.environment["ALLOT_SERVING_URL"]


def _create(site: Ground, slug: str) -> None:
    with Allot(_direct_url(site)) as allot:
        allot.create_experiment(slug, ARMS, **DECLARED)  # type: ignore[arg-type]


def _finish(steps: Batches, ended: float) -> None:
    """Run the steps until the last batch has closed and nothing is left to do."""
    closed = ended + 5.0 + 5.0
    pause = threading.Event()
    while time.time() < ended + QUIET_SECONDS:
        idle = not steps.once()
        if idle and time.time() > closed:
            return
        pause.wait(0.5)


def _answered(row: Row, ledger: Ledger, fault: float, over: float) -> Identity:
    """Whoever was not answered was so only in the fault, if at all."""
    away = list(ledger.facts(AWAY))
    if row.tolerates == "the fault":
        bad = [each for each in away if not fault - 6 <= each["asked"] <= over + AFTERMATH_SECONDS]
    else:
        bad = away
    during = sum(fault <= fact["at"] <= over for fact in ledger.facts(DECIDED))
    silent = row.tolerates == "nothing" and during == 0
    told = f"{during} answered during the fault, {len(away)} not (tolerated: {row.tolerates})"
    if bad:
        told += f"; {len(bad)} too many, as {bad[0]['reason']}"
    return Identity("decisions are answered", not bad and not silent, told)


def _per_worker(watch: Watch) -> Identity:
    told = f"{watch.answers} answers over held connections"
    if watch.went_back:
        told += f"; went back {watch.went_back[:3]}"
    return Identity("no worker goes back", bool(watch.answers) and not watch.went_back, told)


def _soon(took: float, most: float) -> Identity:
    return Identity("quiet in time", took <= most, f"{took:.1f} s after load and fault")
