"""The client against a served API: whatever happens to it, the application gets an arm."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from allot_client import Allot, AsyncAllot, Decision, RefusedError, UnavailableError
from allot_client.calls import Patience
from faults.lossy_proxy import LossyProxy
from include.settings import Settings
from tests.support.gateway import before
from tests.support.logged import logged, rows
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services
PATIENT = Patience(timeout=10, deadline=20, attempts=4)
HASTY = Patience(timeout=0.3, deadline=0.5, attempts=2)
TWICE = Patience(timeout=10, deadline=20, attempts=2)


def url_of(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def test_the_loop_is_create_decide_reward(api: Api, database: Settings) -> None:
    with Allot(url_of(api.port), patience=PATIENT) as allot:
        assert allot.create_experiment("colour", ["red", "blue"], "THOMPSON")
        assert not allot.create_experiment("colour", ["red", "blue"])
        decision = allot.decide("colour", unit="u")
        assert decision.logged
        assert (decision.propensity, decision.weights_version) == (0.5, 0)
        assert allot.decide("colour", request_id=decision.request_id, unit="other") == decision
        assert allot.reward(1, decision).recorded
        assert allot.reward(1, decision).recorded
        assert allot.reward(0, decision).outcome == "superseded"
        shown = datetime(2026, 1, 10, 12, tzinfo=UTC)
        for _ in range(2):
            assert allot.exposure(decision, occurred_at=shown).recorded
        other = allot.exposure(experiment="colour", decision_id=decision.decision_id)
        assert other.recorded
        assert allot.reward(1, experiment="colour", unit="u").recorded
        assert allot.reward(1, experiment="colour", arm="red").recorded
        assert allot.allocation("colour").weights == {"red": 0.5, "blue": 0.5}
    assert set(logged(database)) == {decision.decision_id}
    assert len(rows(database, "select * from allot.reward")) == 3
    exposures = rows(database, "select decision_id::text from allot.exposure")
    assert [row["decision_id"] for row in exposures] == [decision.decision_id] * 2


def test_the_asynchronous_client_does_the_same(api: Api, database: Settings) -> None:
    async def loop() -> list[Decision]:
        async with AsyncAllot(url_of(api.port), patience=PATIENT) as allot:
            assert await allot.create_experiment("colour", ["red", "blue"])
            decisions = await asyncio.gather(
                *(allot.decide("colour", unit=f"u{n}") for n in range(20))
            )
            assert (await allot.reward(1, decisions[0])).recorded
            assert (await allot.exposure(decisions[0])).recorded
            assert (await allot.allocation("colour")).version == 0
            with pytest.raises(RefusedError):
                await allot.decide("none")
        return list(decisions)

    decisions = asyncio.run(loop())
    assert set(logged(database)) == {decision.decision_id for decision in decisions}


def test_a_slate_is_told_whole_and_answered_whole_without_the_api(api: Api) -> None:
    with before(api.port) as gateway, Allot(gateway.url, patience=HASTY) as allot:
        eventually(lambda: _remembered(allot, "slate"), 30)
        gateway.close()
        gateway.seconds = 5
        lost = allot.decide("slate", unit="u")
        assert lost.fallback
        assert len(lost.slate) == 3
        # Position 1 never shows a.
        assert lost.slate[1] != "a"


def test_refusals_are_told_with_their_reason_and_not_repeated(api: Api) -> None:
    with before(api.port) as gateway, Allot(gateway.url, patience=PATIENT) as allot:
        with pytest.raises(RefusedError) as refused:
            allot.decide("none")
        assert (refused.value.status, refused.value.field) == (404, "experiment_id")
        assert refused.value.kind == "urn:allot:problem:unknown-experiment"
        with pytest.raises(RefusedError, match="at least 2"):
            allot.create_experiment("alone", ["red"])
        assert gateway.connections == 1


def test_a_lost_reply_is_asked_for_again_and_logged_once(api: Api, database: Settings) -> None:
    told: list[bytes] = []

    def first_decision(chunk: bytes) -> bool:
        if b"/decision" in chunk:
            told.append(chunk)
        return b"/decision" in chunk and len(told) == 1

    proxy = LossyProxy(("127.0.0.1", api.port), first_decision)
    with Allot(url_of(proxy.port), patience=PATIENT) as allot:
        decision = allot.decide("button", unit="u")
    proxy.close()
    assert len(told) == 2
    assert decision.logged
    assert set(logged(database)) == {decision.decision_id}


def test_a_busy_api_is_asked_again_and_one_that_stays_busy_answered_for(api: Api) -> None:
    with before(api.port) as gateway, Allot(gateway.url, patience=PATIENT) as allot:
        gateway.busy = 2
        assert allot.decide("button", unit="u").logged
    with (
        before(api.port) as gateway,
        Allot(gateway.url, patience=TWICE, defaults={"button": "blue"}) as allot,
    ):
        gateway.busy = 1_000
        decision = allot.decide("button", unit="u")
        assert (decision.arm_id, decision.fallback) == ("blue", True)
        assert "429" in str(decision.reason)
        with pytest.raises(UnavailableError):
            allot.reward(1, experiment="button", arm="blue")


def test_a_slow_api_is_not_waited_for(api: Api) -> None:
    with before(api.port) as gateway, Allot(gateway.url, patience=HASTY) as allot:
        gateway.seconds = 5
        with pytest.raises(UnavailableError, match="default arm"):
            allot.decide("button")
        with pytest.raises(UnavailableError):
            allot.allocation("button")


@contextmanager
def process(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the API as a process of its own; the environment names its services."""
    environment = {**os.environ, "ALLOT_SERVING_PORT": str(port)}
    with subprocess.Popen([sys.executable, "-m", "serving"], env=environment) as server:
        try:
            eventually(lambda: _ready(port), 60)
            yield server
        finally:
            server.kill()


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"{url_of(port)}/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_an_api_that_is_killed_is_answered_for_and_never_said_to_have_logged(
    serve: Serve, store_address: str, publisher: Publisher, database: Settings
) -> None:
    publisher.publish("button", buckets=[(0, 10_000)])
    # Its settings stay in the environment, and its port is free again afterwards.
    with serve(store_address) as first:
        port = first.port
    with Allot(url_of(port), patience=HASTY, defaults={"button": "blue"}) as allot:
        assert allot.decide("button", unit="u").arm_id == "blue"
        with process(port) as server:
            known = _until_logged(allot)
            assert known.arm_id == "green"
            eventually(lambda: _remembered(allot, "button"), 30)
            server.send_signal(signal.SIGKILL)
            server.wait()
            missed = [allot.decide("button", unit="u") for _ in range(3)]
            assert {(each.arm_id, each.logged, each.decision_id) for each in missed} == {
                ("green", False, None)
            }
            assert allot.reward(1, missed[0]).outcome == "not_logged"
            assert allot.exposure(missed[0]).outcome == "not_logged"
        with process(port):
            again = _until_logged(allot)
    assert {known.decision_id, again.decision_id} <= set(logged(database))
    assert {row["request_id"] for row in logged(database).values()}.isdisjoint(
        each.request_id for each in missed
    )
    assert rows(database, "select * from allot.reward") == []


def _remembered(allot: Allot, experiment: str) -> bool:
    try:
        return bool(allot.allocation(experiment).weights)
    except UnavailableError:
        return False


def _until_logged(allot: Allot) -> Decision:
    """Decide until the API has answered: a busy machine may outlast a hasty client."""
    found: list[Decision] = []

    def asked() -> Any:
        found.append(allot.decide("button", unit="u"))
        return found[-1].logged

    eventually(asked, 30)
    return found[-1]
