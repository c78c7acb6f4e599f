"""The API on a real store of one test alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from include.settings import Settings
from serving.settings import ServingSettings, serving_settings
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, running


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: Settings) -> Serve:
    """Return a context manager that runs a server with changed settings."""

    @contextmanager
    def run(store_url: str, **changes: Any) -> Iterator[Api]:
        given = {
            "serving_poll_seconds": 0.05,
            "serving_stale_seconds": 0.5,
            "serving_store_timeout_seconds": 0.3,
            "serving_log_level": "ERROR",
            "serving_snapshot_dir": tmp_path / "snapshots",
            "serving_spool_dir": tmp_path / "spool",
            "serving_retry_seconds": 0.1,
            "serving_log_seconds": 5.0,
            "database_url": database.database_url.get_secret_value(),
            **changes,
        }
        chosen = ServingSettings(store_url=store_url, **given)
        for name, value in {"store_url": store_url, **given}.items():
            if value is None:
                continue
            monkeypatch.setenv(f"ALLOT_{name.upper()}", str(value))
        serving_settings.cache_clear()
        with running(chosen) as api:
            yield api
        serving_settings.cache_clear()

    return run


@pytest.fixture
def store_address(store: Settings) -> str:
    """Address of an empty store of this test alone."""
    return store.store_url.get_secret_value()


@pytest.fixture
def publisher(store_address: str) -> Iterator[Publisher]:
    """Write weights as the publisher does."""
    with redis.Redis.from_url(store_address) as client:
        yield Publisher(client)


@pytest.fixture
def api(serve: Serve, store_address: str, publisher: Publisher) -> Iterator[Api]:
    """A server whose store holds version 0 of ``button`` (two arms) and ``slate`` (3 positions)."""
    publisher.publish("button", buckets=[(3127, 6873)])
    publisher.publish(
        "slate",
        arms=("a", "b", "c"),
        buckets=[(5000, 3000, 2000), (0, 1, 9999), (3334, 3333, 3333)],
    )
    with serve(store_address) as served:
        yield served
