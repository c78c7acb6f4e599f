"""Statistics, update and publish under faults: killed anywhere, doubled, unheard; then healed."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
import redis

from faults.lossy_proxy import lossy_proxy, once
from include.contract.names import EXPERIMENTS, head_key, version_key
from include.contract.published import Pointer
from include.errors import ReportsUnavailableError
from include.experiments.revision import version_zero
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.experiments import read
from include.stores.reports.statistics import statistics_hash
from include.stores.reports.sums import BatchReference
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from include.tasks.publish import publish_experiment
from include.tasks.reconcile import reconcile_all, reconcile_experiment
from include.tasks.update import build_snapshot, update_experiment
from include.tasks.update_steps import next_step
from tests.support.addresses import address_of, through
from tests.support.declared import experiment, observe, registered, sums

pytestmark = pytest.mark.services

CLICKS = {"2019-11-24": [1, 2, 3]}


@pytest.fixture
def parts(database: Settings, store: Settings) -> Settings:
    """A database and a store of this test alone."""
    return database.model_copy(update={"store_url": store.store_url})


def whole_step(settings: Settings, slug: str) -> None:
    """Write sums, fold them, publish: what a batch goes through."""
    for day, clicks in CLICKS.items():
        observe(settings, day, clicks, slug=slug)
    update_experiment(settings, slug)
    publish_experiment(settings, slug)


def expected_hashes(settings: Settings, slug: str) -> list[str]:
    """Names of the versions of an undisturbed run, computed without writing any."""
    batches = [
        BatchReference(day, statistics_hash(slug, day, sums(k))) for day, k in CLICKS.items()
    ]
    hashes = []
    with connect(settings) as connection:
        revision = read(connection, slug)
        live = history(connection, slug)[0]
        assert live.content == version_zero(revision.experiment)
        hashes.append(live.content_hash)
        for count in range(len(batches)):
            step = next_step(batches[:count], batches, revised=False)
            assert step is not None
            new = build_snapshot(connection, revision, live, step, {})
            hashes.append(new.content.hash())
            live = type(live)(new.content, new.content.hash(), {"version": new.version})
    return hashes


def assert_undisturbed(settings: Settings, slug: str) -> None:
    """Everything is there once, byte for byte, and the store says the same."""
    with connect(settings) as connection:
        chain = history(connection, slug)
        counts = connection.execute(
            "select (select count(*) from allot.arm_statistics where experiment = %(slug)s),"
            " (select count(*) from allot.batch_statistics where experiment = %(slug)s),"
            " (select count(*) from allot.allocation where experiment = %(slug)s),"
            " (select count(*) from allot.posterior_snapshot where experiment = %(slug)s),"
            " (select count(*) from allot.weights_batch where experiment = %(slug)s)",
            {"slug": slug},
        ).fetchone()
    assert [version.content_hash for version in chain] == expected_hashes(settings, slug)
    assert counts == (3, 1, 6, 3, 1)
    with WeightsStore(settings) as weights:
        assert weights.pointer(slug) == chain[-1].pointer()
        for version in chain:
            assert weights.snapshot(version.pointer()) == version


class KillAt:
    """Kills a process when its n-th message passes, before or after it reaches the server."""

    def __init__(self, nth: int, *, delivered: bool) -> None:
        self.nth, self.delivered, self.seen = nth, delivered, 0
        self.process = 0
        self.ready = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, chunk: bytes) -> bool:
        self.ready.wait()
        with self._lock:
            self.seen += 1
            if self.seen != self.nth:
                return False
        os.kill(self.process, signal.SIGKILL)
        if not self.delivered:
            raise ConnectionAbortedError
        return True


@contextmanager
def proxied(settings: Settings, decides: Callable[[bytes], bool]) -> Iterator[Settings]:
    """Settings that reach PostgreSQL and the store through proxies that share one decision."""
    with ExitStack() as stack:
        for field in ("database_url", "store_url"):
            target = address_of(getattr(settings, field))
            proxy = stack.enter_context(lossy_proxy(target, decides))
            settings = through(settings, field, proxy.port)
        yield settings


def killed_at(settings: Settings, slug: str, kill: KillAt) -> bool:
    """Run the whole step in a process of its own; tell whether it was killed."""
    with proxied(settings, kill) as far:
        process = multiprocessing.get_context("fork").Process(target=whole_step, args=(far, slug))
        process.start()
        assert process.pid is not None
        kill.process = process.pid
        kill.ready.set()
        process.join(60)
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


# Some eighty processes are forked and killed; a busy machine takes its time.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("delivered", [False, True])
def test_killed_at_any_message_a_rerun_ends_as_if_undisturbed(
    parts: Settings, delivered: bool
) -> None:
    nth = 0
    while True:
        nth += 1
        slug = f"shop-{nth}"
        registered(parts, experiment(slug=slug))
        killed = killed_at(parts, slug, KillAt(nth, delivered=delivered))
        if not killed:
            assert_undisturbed(parts, slug)
            break
        whole_step(parts, slug)
        assert_undisturbed(parts, slug)
    assert nth > 30


def test_two_processes_at_once_end_as_one(parts: Settings) -> None:
    registered(parts, experiment())
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=whole_step, args=(parts, "shop")) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert_undisturbed(parts, "shop")


@pytest.mark.parametrize("commit", range(1, 5))
def test_the_reply_to_a_commit_is_lost_after_it_was_applied(parts: Settings, commit: int) -> None:
    registered(parts, experiment())
    with lossy_proxy(address_of(parts.database_url), once(b"COMMIT", commit)) as proxy:
        far = through(parts, "database_url", proxy.port)
        for attempt in range(3):
            try:
                whole_step(far, "shop")
            except ReportsUnavailableError:
                assert attempt == 0
            else:
                break
        assert proxy.losses == 1
    assert_undisturbed(parts, "shop")


def test_the_pointer_names_a_complete_snapshot_while_versions_come(parts: Settings) -> None:
    registered(parts, experiment())
    done, seen = threading.Event(), []

    def watch() -> None:
        with WeightsStore(parts) as reader:
            while not done.is_set():
                pointer = reader.pointer("shop")
                if pointer is None:
                    continue
                snapshot = reader.snapshot(pointer)
                assert snapshot is not None
                seen.append(snapshot.version)

    with ThreadPoolExecutor(1) as pool:
        watcher = pool.submit(watch)
        for day in range(1, 15):
            observe(parts, f"2019-11-{day:02}", [1, day % 4, 2])
            update_experiment(parts, "shop")
            publish_experiment(parts, "shop")
        time.sleep(0.05)
        done.set()
        watcher.result()
    assert seen == sorted(seen)
    assert seen[-1] == 14
    assert len(set(seen)) > 3


class TestReconcile:
    @pytest.fixture(autouse=True)
    def _published(self, parts: Settings) -> None:
        registered(parts, experiment())
        whole_step(parts, "shop")

    @pytest.fixture
    def client(self, parts: Settings) -> Iterator[redis.Redis]:
        with redis.Redis.from_url(parts.store_url.get_secret_value()) as client:
            yield client

    def test_a_right_store_is_left_alone(self, parts: Settings) -> None:
        assert reconcile_experiment(parts, "shop").damage == ()

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            (lambda c: c.flushdb(), "missing pointer"),
            (lambda c: c.delete(head_key("shop")), "missing pointer"),
            (lambda c: c.set(head_key("shop"), b"\xff"), "damaged pointer"),
            (lambda c: c.delete(version_key("shop", 1)), "missing v1"),
            (lambda c: c.delete(version_key("shop", 0)), "missing v0"),
            (lambda c: c.set(version_key("shop", 1), b"{}"), "damaged v1"),
            (lambda c: c.copy(version_key("shop", 0), version_key("shop", 1), replace=True), "v1"),
            (lambda c: c.srem(EXPERIMENTS, "shop"), "missing from the set"),
        ],
    )
    def test_each_damage_is_healed(
        self,
        parts: Settings,
        client: redis.Redis,
        damage: Callable[[redis.Redis], object],
        told: str,
    ) -> None:
        damage(client)
        healed = reconcile_experiment(parts, "shop")
        assert any(told in line for line in healed.damage), healed
        assert_undisturbed(parts, "shop")
        assert reconcile_experiment(parts, "shop").damage == ()

    def test_an_older_pointer_is_moved_on(self, parts: Settings, client: redis.Redis) -> None:
        with connect(parts) as connection:
            first = history(connection, "shop")[0]
        client.set(head_key("shop"), first.pointer().head())
        healed = reconcile_experiment(parts, "shop")
        assert healed.damage == ("pointer to v0 instead of v1",)
        assert_undisturbed(parts, "shop")

    def test_a_pointer_to_what_was_never_published_is_put_right(
        self, parts: Settings, client: redis.Redis
    ) -> None:
        client.set(head_key("shop"), Pointer("shop", 99, "f" * 64).head())
        healed = reconcile_experiment(parts, "shop")
        assert "v99, which was never published" in healed.damage[0]
        assert_undisturbed(parts, "shop")

    def test_an_empty_store_gets_every_experiment(
        self, parts: Settings, client: redis.Redis
    ) -> None:
        registered(parts, experiment(slug="other"))
        client.flushdb()
        assert [healing.experiment for healing in reconcile_all(parts)] == ["other", "shop"]
        assert client.smembers(EXPERIMENTS) == {b"shop", b"other"}
        assert_undisturbed(parts, "shop")
