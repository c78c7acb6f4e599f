"""The weights store against a real Valkey: the pointer never lies and never steps back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from faults.lossy_proxy import LossyProxy, lossy_proxy, once
from include.contract.canonical import Json
from include.contract.names import ANNOUNCEMENTS, EXPERIMENTS, head_key, version_key
from include.contract.published import Pointer, Published
from include.contract.weights import WeightsContent, contiguous_slot
from include.errors import DamagedSnapshotError, StoreUnavailableError
from include.settings import Settings
from include.stores.weights import WeightsStore
from tests.support.addresses import address_of, through

pytestmark = pytest.mark.services

SHARES = (5000, 3000, 2000)


def published(version: int, shares: tuple[int, ...] = SHARES) -> Published:
    """A snapshot with its provenance, as PostgreSQL would give it."""
    content = WeightsContent(
        experiment="shop",
        revision="a" * 64,
        parent=f"{version:064x}",
        batch=None,
        statistics=None,
        method="default/1",
        salt="b" * 64,
        arms=("x", "y", "z"),
        cells={"*": (contiguous_slot(shares),)},
    )
    provenance: dict[str, Json] = {
        "version": version,
        "effective_from": "2026-01-10T12:00:00+00:00",
    }
    return Published(content, content.hash(), provenance)


@pytest.fixture
def client(store: Settings) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(store.store_url.get_secret_value()) as client:
        yield client


def _through(settings: Settings, proxy: LossyProxy) -> Settings:
    return through(settings, "store_url", proxy.port)


def _address(settings: Settings) -> tuple[str, int]:
    return address_of(settings.store_url)


def test_what_is_published_is_read_back(store: Settings) -> None:
    with WeightsStore(store) as weights:
        live = weights.publish(published(3))
        assert live == weights.pointer("shop") == published(3).pointer()
        assert weights.snapshot(live) == published(3)
        assert weights.lists("shop")


def test_nothing_is_there_before(store: Settings) -> None:
    with WeightsStore(store) as weights:
        assert weights.pointer("shop") is None
        assert weights.snapshot(published(3).pointer()) is None
        assert not weights.lists("shop")


def test_the_pointer_never_steps_back(store: Settings) -> None:
    with WeightsStore(store) as weights:
        weights.publish(published(3))
        assert weights.publish(published(2)).version == 3
        assert weights.pointer("shop") == published(3).pointer()


def test_publishing_twice_changes_no_byte(store: Settings, client: redis.Redis) -> None:
    keys = [head_key("shop"), version_key("shop", 3)]
    with WeightsStore(store) as weights:
        weights.publish(published(3))
        first = client.mget(keys)
        weights.publish(published(3))
    assert client.mget(keys) == first
    assert client.smembers(EXPERIMENTS) == {b"shop"}


def test_another_snapshot_under_the_same_version_gives_way(store: Settings) -> None:
    # PostgreSQL has one row per version, so whatever differs is damage.
    with WeightsStore(store) as weights:
        weights.publish(published(3, (10_000, 0, 0)))
        weights.publish(published(3))
        assert weights.pointer("shop") == published(3).pointer()


def test_replicas_hear_of_a_new_version(store: Settings, client: redis.Redis) -> None:
    listener = client.pubsub()  # type: ignore[no-untyped-call]
    listener.subscribe(ANNOUNCEMENTS)
    assert listener.get_message(timeout=5) is not None
    with WeightsStore(store) as weights:
        weights.publish(published(3))
    heard = listener.get_message(timeout=5)
    assert heard is not None
    assert Pointer.from_announcement(heard["data"]) == published(3).pointer()


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"{}", b'{"version": -1}', b"\xff"])
def test_damage_is_told_and_written_over(
    store: Settings, client: redis.Redis, damage: bytes
) -> None:
    with WeightsStore(store) as weights:
        weights.publish(published(3))
        client.set(head_key("shop"), damage)
        client.set(version_key("shop", 3), damage)
        with pytest.raises(DamagedSnapshotError):
            weights.pointer("shop")
        with pytest.raises(DamagedSnapshotError):
            weights.snapshot(published(3).pointer())
        weights.publish(published(3))
        assert weights.snapshot(published(3).pointer()) == published(3)


def test_a_single_flipped_bucket_is_told(store: Settings, client: redis.Redis) -> None:
    with WeightsStore(store) as weights:
        weights.publish(published(3))
        flipped = published(3).value().replace(b"[0,5000,0]", b"[0,5000,1]")
        assert flipped != published(3).value()
        client.set(version_key("shop", 3), flipped)
        with pytest.raises(DamagedSnapshotError, match="does not hash"):
            weights.snapshot(published(3).pointer())


@pytest.mark.parametrize("command", [b"SET", b"WATCH", b"GET", b"EXEC", b"PUBLISH", b"SADD"])
def test_a_lost_reply_changes_nothing(store: Settings, command: bytes) -> None:
    marker = b"\r\n" + command + b"\r\n"
    with lossy_proxy(_address(store), once(marker)) as proxy:
        with WeightsStore(_through(store, proxy)) as weights:
            assert weights.publish(published(3)) == published(3).pointer()
        assert proxy.losses == 1
    with WeightsStore(store) as direct:
        assert direct.pointer("shop") == published(3).pointer()
        assert direct.snapshot(published(3).pointer()) == published(3)


def test_a_lost_reply_does_not_undo_a_later_version(store: Settings) -> None:
    # The reply to moving to v3 is lost; before the read-back somebody moves on to v4.
    def loses(chunk: bytes) -> bool:
        if b"\r\nEXEC\r\n" not in chunk or direct.pointer("shop") is not None:
            return False
        threading.Timer(0.05, lambda: direct.publish(published(4))).start()
        return True

    with WeightsStore(store) as direct, lossy_proxy(_address(store), loses) as proxy:
        with WeightsStore(_through(store, proxy)) as weights:
            weights.put(published(3))
            live = weights.advance(published(3).pointer())
        assert proxy.losses == 1
        assert live.version in {3, 4}
        direct.publish(published(4))
        assert direct.advance(published(3).pointer()) == published(4).pointer()


def test_a_store_that_is_away_is_told_in_bounded_time(store: Settings) -> None:
    with lossy_proxy(_address(store), lambda _: True) as proxy:
        away = _through(store, proxy).model_copy(update={"timeout_seconds": 1.0})
        with (
            WeightsStore(away) as weights,
            pytest.raises(StoreUnavailableError, match="did not confirm"),
        ):
            weights.publish(published(3))


def test_publishers_at_once_end_at_the_newest(store: Settings) -> None:
    def publish(version: int) -> None:
        with WeightsStore(store) as weights:
            weights.publish(published(version))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, [7, 3, 9, 1, 8, 2, 6, 4, 5, 9, 3, 7]))
    with WeightsStore(store) as weights:
        assert weights.pointer("shop") == published(9).pointer()


def test_the_pointer_names_a_complete_snapshot_at_every_instant(store: Settings) -> None:
    versions, seen, done = 60, [], threading.Event()

    def read() -> None:
        with WeightsStore(store) as reader:
            while not done.is_set():
                pointer = reader.pointer("shop")
                if pointer is not None:
                    snapshot = reader.snapshot(pointer)
                    assert snapshot is not None, f"v{pointer.version} is named but missing"
                    seen.append(snapshot.version)

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        with WeightsStore(store) as weights:
            for version in range(versions):
                weights.publish(published(version))
        done.set()
        for reader in readers:
            reader.result()
    assert len(set(seen)) > 3


def test_only_commands_that_dragonfly_knows_are_sent(store: Settings) -> None:
    sent: set[bytes] = set()

    def records(chunk: bytes) -> bool:
        lines = chunk.split(b"\r\n")
        heads = (i for i, line in enumerate(lines) if line[:1] == b"*" and i + 2 < len(lines))
        sent.update(lines[i + 2].upper() for i in heads)
        return False

    with (
        lossy_proxy(_address(store), records) as proxy,
        WeightsStore(_through(store, proxy)) as weights,
    ):
        weights.publish(published(3))
        weights.snapshot(published(3).pointer())
    known = {b"WATCH", b"UNWATCH", b"MULTI", b"EXEC", b"SET", b"GET", b"SADD", b"PUBLISH"}
    assert sent >= {b"WATCH", b"EXEC", b"PUBLISH"}
    assert sent <= known | {b"AUTH", b"HELLO", b"SELECT", b"CLIENT"}
