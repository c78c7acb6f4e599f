"""Several processes behind one port, a clock that steps back, and a disk that is full."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from include.settings import Settings
from serving.decide import Asked, decide
from serving.snapshot import compile_snapshot
from serving.terms import UNTOLD
from stack.ports import free_ports
from tests.support.logged import assert_logged_as_told, logged
from tests.support.publishing import Publisher, published
from tests.support.served import Api, eventually

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@contextmanager
def process(folder: Path, store_url: str, database_url: str, **changes: Any) -> Iterator[str]:
    """Run ``python -m serving`` as a deployment does; yields its address."""
    port = next(iter(free_ports()))
    given = {
        "STORE_URL": store_url, "DATABASE_URL": database_url, "SERVING_PORT": port,
        "SERVING_SNAPSHOT_DIR": folder / "snapshots", "SERVING_SPOOL_DIR": folder / "spool",
        "SERVING_LOG_LEVEL": "ERROR",
        "SERVING_POLL_SECONDS": 0.05, "SERVING_LOG_SECONDS": 5, **changes,
    }  # fmt: skip
    environment = {f"ALLOT_{name}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "serving"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env={**os.environ, **environment}) as server:
        try:
            eventually(lambda: _ready(address), 60)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/ready").status_code == 200
    except httpx.TransportError:
        return False


def _ask(address: str, unit: str) -> tuple[str, dict[str, Any]]:
    """Ask over a connection of its own, so that either worker may get it."""
    asked = {"experiment_id": "button", "unit_id": unit}
    decision = httpx.get(f"{address}/decision", params=asked, timeout=30)
    weights = httpx.get(f"{address}/allocation", params={"experiment_id": "button"}, timeout=30)
    assert (decision.status_code, weights.status_code) == (200, 200)
    return weights.json()["content_hash"], decision.json()


@pytest.mark.services
def test_two_workers_answer_alike_and_lose_and_double_nothing(
    store_address: str, publisher: Publisher, database: Settings, tmp_path: Path
) -> None:
    snapshot = publisher.publish("button", buckets=[(3127, 6873)])
    url = database.database_url.get_secret_value()
    units = [f"u{number % 30}" for number in range(90)]
    with (
        process(tmp_path, store_address, url, SERVING_WORKERS=2) as address,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda unit: _ask(address, unit), units))
    told = [decision for _, decision in answers]
    hashes = {*(weights for weights, _ in answers), *(each["content_hash"] for each in told)}
    assert hashes == {snapshot.content_hash}
    assert len({each["decision_id"] for each in told}) == len(units)
    # A unit's arm does not depend on who answers.
    assert len({(each["unit_id"], each["arm_id"]) for each in told}) == 30
    assert set(logged(database)) == {each["decision_id"] for each in told}
    assert_logged_as_told(database, told, snapshot.content)


@pytest.mark.services
def test_a_disk_that_is_full_acknowledges_nothing_and_loses_nothing_that_was(
    store_address: str, publisher: Publisher, database: Settings, tmp_path: Path
) -> None:
    publisher.publish("button")
    with process(tmp_path, store_address, NOWHERE) as address:
        told = [_ask(address, f"u{number}")[1] for number in range(3)]
        pid = _listener(address)
        # No file may grow: what a full disk tells whoever writes to it.
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        asked = {"experiment_id": "button", "unit_id": "later"}
        refused = httpx.get(f"{address}/decision", params=asked, timeout=30)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert httpx.get(f"{address}/health").status_code == 200
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        told.append(_ask(address, "after")[1])
    url = database.database_url.get_secret_value()
    with process(tmp_path, store_address, url):
        eventually(lambda: len(logged(database)) == len(told))
    assert set(logged(database)) == {each["decision_id"] for each in told}


def _listener(address: str) -> int:
    port = int(address.rpartition(":")[2])
    [found] = {
        each.pid
        for each in psutil.net_connections("tcp4")
        if each.laddr.port == port and each.status == psutil.CONN_LISTEN and each.pid
    }
    return int(found)


def test_a_clock_that_steps_back_doubles_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = compile_snapshot(published("button"))
    now = time.time_ns()
    # An hour back in the middle, and then the same instant again and again.
    moments = iter([now + tick for tick in range(500)] + [now - 3_600 * 10**9] * 500)
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))
    decisions = [decide(snapshot, UNTOLD, Asked("u")) for _ in range(1000)]
    assert len({each.decision_id for each in decisions}) == 1000
    assert len({each.draws[0] for each in decisions}) == 1


@pytest.mark.services
def test_a_clock_that_steps_back_stales_nothing_and_loses_nothing(
    api: Api, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = api.get("/decision", experiment_id="button", unit_id="u").json()
    real, back = time.time, 3_600
    monkeypatch.setattr(time, "time", lambda: real() - back)
    real_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() - back * 10**9)
    second = api.get("/decision", experiment_id="button", unit_id="u").json()
    allocation = api.get("/allocation", experiment_id="button").json()
    assert second["arm_id"] == first["arm_id"]
    assert not second.get("stale", False)
    assert allocation["age_seconds"] >= 0
    assert set(logged(database)) == {first["decision_id"], second["decision_id"]}
