"""What must not meet, meeting: a roll-back within a publish, two deciders in two processes."""

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier

import pytest

from faults.lossy_proxy import lossy_proxy
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.experiments import revisions
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from include.tasks.decide.follow import decide_row, end_row
from include.tasks.guard import guard_experiment
from include.tasks.publish import publish_experiment
from include.tasks.rollback import roll_back
from include.tasks.update import update_experiment
from tests.support.addresses import address_of, through
from tests.support.declared import experiment, observe, registered
from tests.support.guarded import batch_of_log, own
from tests.support.logged import rows
from tests.support.silver import BATCHES

pytestmark = pytest.mark.services

FORK = multiprocessing.get_context("fork")
SECONDS = 60.0


class HeldAt:
    """Holds back the n-th message that passes until it is let go."""

    def __init__(self, nth: int) -> None:
        self.nth, self.seen = nth, 0
        self.held, self.go_on = threading.Event(), threading.Event()
        self._lock = threading.Lock()

    def __call__(self, _: bytes) -> bool:
        with self._lock:
            self.seen += 1
            ours = self.seen == self.nth
        if ours:
            self.held.set()
            self.go_on.wait(SECONDS)
        return False


@contextmanager
def far_store(settings: Settings, held: HeldAt) -> Iterator[Settings]:
    """Settings that reach the store through a proxy."""
    with lossy_proxy(address_of(settings.store_url), held) as proxy:
        # Nobody gives up meanwhile: what is held back arrives, late.
        yield through(settings, "store_url", proxy.port).model_copy(
            update={"timeout_seconds": 4 * SECONDS}
        )


def test_a_roll_back_within_a_publish_is_what_is_served(
    database: Settings, store: Settings
) -> None:
    """Wherever the publish of a version stands still, the roll-back behind it wins."""
    parts = database.model_copy(update={"store_url": store.store_url})
    messages = 0
    for nth in range(1, 100):
        slug = f"shop-{nth}"
        registered(parts, own(slug=slug))
        publish_experiment(parts, slug)
        batch_of_log(parts, 0, (0.10, 0.14), slug=slug)
        guard_experiment(parts, slug, dag_run="test")
        update_experiment(parts, slug, guarded=True)
        held = HeldAt(nth)
        with far_store(parts, held) as far:
            publisher = threading.Thread(target=publish_experiment, args=(far, slug))
            publisher.start()
            while publisher.is_alive() and not held.held.wait(0.05):
                pass
            back = roll_back(parts, slug, to="default", by="ann", why="a doubt")
            publish_experiment(parts, slug)
            held.go_on.set()
            publisher.join(SECONDS)
            assert not publisher.is_alive()
        with connect(parts) as connection, WeightsStore(parts) as weights:
            chain = history(connection, slug)
            assert weights.pointer(slug) == chain[-1].pointer(), f"held at message {nth}"
            served = weights.snapshot(chain[-1].pointer())
        assert (chain[-1].version, back.version) == (2, 2)
        assert served is not None
        assert served.content.buckets() == (5_000, 5_000)
        if held.seen < nth:
            break
        messages = nth
    assert messages >= 6, "a publish is more than that, so nothing was tried"


def decides(settings: Settings, gate: Barrier) -> None:
    gate.wait(SECONDS)
    end_row(settings, decide_row(settings, "shop", dag_run="test"), dag_run="test")


def test_two_deciders_in_two_processes_end_an_experiment_once(
    database: Settings, store: Settings
) -> None:
    parts = database.model_copy(update={"store_url": store.store_url})
    verdict = {"minimum_days": 2, "minimum_units": 100, "ship": "automatic"}
    registered(parts, experiment(control="item-0", verdict=verdict))
    for batch, clicks in zip(BATCHES, ([20, 22, 60], [21, 20, 62], [22, 21, 58]), strict=True):
        observe(parts, batch, clicks)
    update_experiment(parts, "shop")
    gate = FORK.Barrier(2)
    both = [FORK.Process(target=decides, args=(parts, gate)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(2 * SECONDS)
    assert [one.exitcode for one in both] == [0, 0]
    [recommended] = rows(parts, "select kind, arm from allot.recommendation")
    assert recommended == {"kind": "ship", "arm": "item-2"}
    [answered] = rows(parts, "select answer from allot.verdict_answer")
    assert answered == {"answer": "automatic"}
    with connect(parts) as connection, WeightsStore(parts) as weights:
        assert len(revisions(connection, "shop")) == 2
        chain = history(connection, "shop")
        assert weights.pointer("shop") == chain[-1].pointer()
    assert [version.content.buckets() for version in chain].count((0, 0, 10_000)) == 1
    [judged] = rows(parts, "select count(*) as rows from allot.judgement")
    assert judged == {"rows": 1}
