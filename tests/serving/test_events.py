"""Totals per arm and day: the newest counts, all stay, and none is impossible."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from include.settings import Settings
from tests.support.logged import rows
from tests.support.served import Api, Serve

pytestmark = pytest.mark.services


@pytest.fixture
def made(serve: Serve, store_address: str) -> Iterator[Api]:
    with serve(store_address) as api:
        body = {"experiment_id": "colour", "arm_ids": ["red", "blue"]}
        assert api.client.post("/experiments", json=body).status_code == 201
        yield api


def post(api: Api, *events: tuple[str, str, float, float]) -> httpx.Response:
    names = ("date", "arm_id", "impressions", "clicks")
    entries = [dict(zip(names, event, strict=True)) for event in events]
    return api.client.post("/events", json={"experiment_id": "colour", "events": entries})


def test_the_newest_total_of_a_day_counts_and_the_others_stay(
    made: Api, database: Settings
) -> None:
    day = "2026-01-05"
    first = post(made, (day, "red", 100, 7), (day, "blue", 90, 9))
    assert [each["outcome"] for each in first.json()["events"]] == ["recorded", "recorded"]
    again = post(made, (day, "red", 120, 8), (day, "blue", 90, 9))
    assert [each["outcome"] for each in again.json()["events"]] == ["recorded", "unchanged"]
    body = {"experiment_id": "colour", "arm_id": "red", "reward": 1}
    reward = {**body, "occurred_at": f"{day}T23:00:00-00:30"}
    assert made.client.post("/reward", json=reward).status_code == 200
    query = "select arm_id, decisions, rewards, posted_rewards from allot.arm_total order by arm_id"
    assert [tuple(row.values()) for row in rows(database, query)] == [
        ("blue", 90, 9.0, 9.0),
        ("red", 120, 9.0, 8.0),
    ]
    assert len(rows(database, "select * from allot.daily_total")) == 3


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (("2026-01-05", "red", 5, 6), "events.1.clicks"),
        (("2026-01-05", "red", 5, 1.5), "events.1.clicks"),
        (("2026-01-05", "red", 5, -1), "events.1.clicks"),
        (("2026-01-05", "red", -5, 0), "events.1.impressions"),
        (("2026-01-05", "green", 5, 1), "events.1.arm_id"),
        (("2999-01-05", "red", 5, 1), "events.1.date"),
        (("2026-01-04", "blue", 5, 1), "events.1"),
        (("05.01.2026", "red", 5, 1), "events.1.date"),
    ],
)
def test_a_total_that_cannot_be_refuses_the_call(
    made: Api, database: Settings, event: tuple[str, str, Any, Any], field: str
) -> None:
    answer = post(made, ("2026-01-04", "blue", 5, 1), event)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert rows(database, "select * from allot.daily_total") == []


def test_an_experiment_that_does_not_exist_has_no_totals(made: Api) -> None:
    body = {"date": "2026-01-05", "arm_id": "a", "impressions": 1, "clicks": 0}
    answer = made.client.post("/events", json={"experiment_id": "none", "events": [body]})
    assert answer.status_code == 404
