"""Clients that decide and reward at a bounded rate, and note all they were told."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from allot_client import Allot, Decision, UnavailableError
from allot_client.calls import Patience
from faults.ledger import ASKED, AWAY, DECIDED, REWARDED, REWARDING, Ledger
from include.contract.records import derived_id

RATES: Final = {"blue": 0.2, "green": 0.4, "red": 0.3}
RETURNING: Final = 0.2
PATIENCE: Final = Patience(timeout=1.5, deadline=6.0, attempts=6)
SEED: Final = 20_260_110


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked.

    Attributes
    ----------
    experiment
        Slug.
    per_second
        Decisions of all clients together; about a third of them are rewarded.
    clients
        Each with a connection of its own.
    """

    experiment: str
    per_second: float = 40.0
    clients: int = 4


@contextmanager
def running(url: str, load: Load, ledger: Ledger) -> Iterator[None]:
    """Ask while the block runs; whatever a client does not get is in the ledger, too."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised below, where somebody waits for it
            failures.append(error)

    threads = [
        threading.Thread(
            target=guarded, args=(lambda n=number: _client(url, load, n, ledger, stop),)
        )
        for number in range(load.clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _client(url: str, load: Load, number: int, ledger: Ledger, stop: threading.Event) -> None:
    chance = random.Random(SEED + number)  # noqa: S311 - a simulation
    pause = load.clients / load.per_second
    due = time.monotonic()
    count = 0
    with Allot(url, defaults={load.experiment: "blue"}, patience=PATIENCE) as allot:
        while not stop.is_set():
            back = count and chance.random() < RETURNING
            unit = f"u{number}-{chance.randrange(count) if back else count}"
            count += 1
            decision = _decide(allot, load.experiment, unit, ledger)
            if decision.logged and chance.random() < RATES[decision.arm_id]:
                _reward(allot, decision, ledger)
            # A client that was held up does not make up for it: load stays bounded.
            due = max(due + pause, time.monotonic())
            stop.wait(due - time.monotonic())


def _decide(allot: Allot, experiment: str, unit: str, ledger: Ledger) -> Decision:
    request = str(uuid.uuid4())
    ledger.note(ASKED, decision_id=derived_id(experiment, request))
    asked = time.time()
    decision = allot.decide(experiment, unit=unit, request_id=request)
    if not decision.logged:
        ledger.note(AWAY, asked=asked, reason=decision.reason)
        return decision
    ledger.note(
        DECIDED,
        asked=asked,
        decision_id=decision.decision_id,
        arm_id=decision.arm_id,
        propensity=decision.propensity,
        version=decision.weights_version,
        stale=decision.stale,
    )
    return decision


def _reward(allot: Allot, decision: Decision, ledger: Ledger) -> None:
    name = f"r-{decision.decision_id}"
    asked = time.time()
    ledger.note(REWARDING, reward_id=name, decision_id=decision.decision_id)
    try:
        told = allot.reward(1.0, decision, reward_id=name, occurred_at=datetime.now(UTC))
    except UnavailableError as error:
        ledger.note(AWAY, asked=asked, reason=str(error))
        return
    ledger.note(REWARDED, reward_id=name, decision_id=decision.decision_id, outcome=told.outcome)
