"""Exposures over the API: durable before they are acknowledged, each counted once."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from include.settings import Settings
from serving.answers import Problem
from serving.stores.database import Database
from serving.stores.exposures import EXPOSURES
from serving.stores.sink import Sink
from tests.support.declared import experiment, registered
from tests.support.logged import rows
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
AT = "2026-01-10T12:00:00+00:00"


def show(api: Api, **body: Any) -> httpx.Response:
    return api.client.post("/exposure", json={"experiment_id": "button", **body})


def held(database: Settings) -> list[dict[str, Any]]:
    query = "select decision_id::text, occurred_at from allot.exposure order by 2, 1"
    return rows(database, query)


def test_an_exposure_is_in_the_log_once_however_often_it_is_told(
    api: Api, database: Settings
) -> None:
    name = api.get("/decision", experiment_id="button", unit_id="u").json()["decision_id"]
    for decision_id in (name, name.upper(), name):
        answer = show(api, decision_id=decision_id, occurred_at=AT)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"decision_id": name, "outcome": "recorded"}
    assert held(database) == [
        {"decision_id": name, "occurred_at": datetime.fromisoformat(AT)},
    ]
    assert api.metric("allot_exposures_total") == 3


def test_without_a_time_it_was_shown_when_it_arrived(api: Api, database: Settings) -> None:
    before = datetime.now(UTC)
    assert show(api, decision_id=str(uuid.uuid4())).status_code == 200
    [row] = held(database)
    assert before <= row["occurred_at"] <= datetime.now(UTC)


def test_of_several_each_is_judged_alone(api: Api, database: Settings) -> None:
    good = str(uuid.uuid4())
    told = show(
        api,
        exposures=[
            {"decision_id": good, "occurred_at": AT},
            {"decision_id": "no id"},
            {"decision_id": good, "occurred_at": "yesterday"},
            {"decision_id": good, "occurred_at": AT, "arm_id": "blue"},
        ],
    )
    assert told.status_code == 207
    first, *others = told.json()["exposures"]
    assert first == {"decision_id": good, "outcome": "recorded"}
    fields = [each["refused"]["field"] for each in others]
    assert fields == ["decision_id", "occurred_at", "arm_id"]
    assert len(held(database)) == 1
    assert show(api, exposures=[{"decision_id": "no id"}]).status_code == 422
    assert show(api, exposures=[]).status_code == 422
    assert show(api, decision_id=good, experiment_id="nobody").status_code == 404


def test_what_became_of_each_is_told_with_a_reason(api: Api, database: Settings) -> None:
    registered(
        database,
        experiment(
            slug="button",
            arms=["blue", "green"],
            source={"kind": "decision_log"},
            reward={"kind": "bernoulli", "window": "P1D"},
            exposure={"window": "PT1H"},
        ),
    )
    made = [api.get("/decision", experiment_id="button").json()["decision_id"] for _ in range(4)]
    forced = {"experiment_id": "button", "forced_arm_ids": ["green"]}
    flagged = api.client.post("/decision", json=forced).json()["decision_id"]
    now, hour = datetime.now(UTC), timedelta(hours=1)
    told = [
        (made[0], now, "joined"),
        (made[0], now + hour / 2, "repeated"),
        (made[1], now - 2 * hour, "early"),
        (made[2], now + 2 * hour, "late"),
        (flagged, now, "flagged"),
        (str(uuid.uuid4()), now, "unknown"),
    ]
    body = [{"decision_id": name, "occurred_at": at.isoformat()} for name, at, _ in told]
    assert show(api, exposures=body).status_code == 200
    found = rows(
        database, "select decision_id::text, occurred_at, outcome from allot.exposure_outcome"
    )
    assert {tuple(row.values()) for row in found} == set(told)
    why = api.get(f"/decisions/{made[0]}/explain").json()
    assert len(why["exposures"]) == 2


def test_while_the_database_is_away_the_disk_keeps_it_and_ships_it_once(
    serve: Serve, store_address: str, publisher: Publisher, database: Settings
) -> None:
    publisher.publish("button")
    names = sorted(str(uuid.uuid4()) for _ in range(20))
    with serve(store_address, database_url=NOWHERE) as api:
        for name in names:
            assert show(api, decision_id=name, occurred_at=AT).status_code == 200
        assert api.metric('allot_spool_depth{fate="waiting",kind="exposure"}') == 20
    with serve(store_address) as api:
        eventually(lambda: len(held(database)) == 20)
        eventually(lambda: api.metric('allot_spool_depth{fate="waiting",kind="exposure"}') == 0)
        assert show(api, decision_id=names[0], occurred_at=AT).status_code == 200
    assert [row["decision_id"] for row in held(database)] == names


def test_without_database_and_disk_nothing_is_acknowledged(
    serve: Serve, store_address: str, publisher: Publisher
) -> None:
    publisher.publish("button")
    with serve(store_address, database_url=NOWHERE, serving_spool_dir=None) as api:
        answer = show(api, decision_id=str(uuid.uuid4()))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def _written(url: str, lines: list[bytes]) -> tuple[Any, list[bytes]]:
    sink = Sink(Database(url), EXPOSURES)
    try:
        return await sink.insert(lines), await sink.ship(lines)
    finally:
        await sink.close()


def test_a_poisonous_record_fails_alone(database: Settings) -> None:
    url = database.database_url.get_secret_value()
    for poison in ({"decision_id": "no"}, {"experiment": "NO NAME"}, {"occurred_us": None}):
        records: list[dict[str, Any]] = [
            {"experiment": "button", "decision_id": str(uuid.uuid4()), "occurred_us": 1_768_000_000}
            for _ in range(9)
        ]
        records[4] |= poison
        lines = [json.dumps(record).encode() for record in records]
        fates, refused = asyncio.run(_written(url, lines))
        assert list(fates) == [4]
        assert isinstance(fates[4], Problem)
        assert refused == [lines[4]]
    assert len(held(database)) == 3 * 8
