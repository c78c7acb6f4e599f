"""Experiments through the API: created, read, and answering at once."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.experiments import Submission, register
from tests.support.logged import rows
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services
TABLES = ("weights_snapshot", "allocation_event", "allocation", "experiment_revision")


def create(api: Api, **body: Any) -> httpx.Response:
    given = {"experiment_id": "colour", "arm_ids": ["red", "blue"], **body}
    return api.client.post("/experiments", json=given)


@pytest.fixture
def empty(serve: Serve, store_address: str) -> Iterator[Api]:
    with serve(store_address) as api:
        yield api


def test_a_client_that_knows_only_arms_and_a_strategy_is_served_at_once(empty: Api) -> None:
    made = create(empty, strategy="THOMPSON")
    assert made.status_code == 201
    assert (made.json()["strategy"], made.json()["arm_ids"]) == ("thompson", ["red", "blue"])
    for number in range(10):
        answer = empty.get("/decision", experiment_id="colour", unit_id=f"u{number}").json()
        assert (answer["weights_version"], answer["propensity"]) == (0, 0.5)
        body = {"experiment_id": "colour", "decision_id": answer["decision_id"], "reward": 1}
        assert empty.client.post("/reward", json=body).json()["outcome"] == "recorded"
    again = create(empty, strategy="THOMPSON")
    assert again.status_code == 409
    assert again.json()["field"] == "experiment_id"


def test_it_writes_the_rows_that_the_pipeline_writes(empty: Api, database: Settings) -> None:
    limits = {"probability_floor": 0.05}
    shares = {"red": 0.25, "blue": 0.75}
    made = create(empty, limits=limits, default_shares=shares, positions=2)
    declared = made.json()["declaration"]

    def written() -> list[list[dict[str, Any]]]:
        passing = {"published_at", "submitted_at", "submitted_xid", "provenance"}
        return [
            [
                {name: value for name, value in row.items() if name not in passing}
                for row in rows(database, f"select * from allot.{table} order by 1, 2, 3, 4, 5")
            ]
            for table in TABLES
        ]

    through_api = written()
    tables = ", ".join(f"allot.{table}" for table in (*TABLES, "experiment"))
    _empty(database, tables)
    submission = Submission("api", "api", "created through the API")
    register(database, Experiment.model_validate(declared), submission)
    assert written() == through_api


def _empty(database: Settings, tables: str) -> None:
    with connect(database) as connection:
        connection.execute(f"truncate {tables} cascade".encode())


def test_other_replicas_hear_of_it(serve: Serve, store_address: str, publisher: Publisher) -> None:
    with serve(store_address) as one, serve(store_address) as other:
        assert create(one).status_code == 201
        eventually(lambda: other.get("/decision", experiment_id="colour").status_code == 200)
        told = [each.get("/allocation", experiment_id="colour").json() for each in (one, other)]
        assert told[0]["content_hash"] == told[1]["content_hash"]


def test_they_are_listed_by_pages_and_read_with_their_revisions(empty: Api) -> None:
    names = [f"e{number}" for number in range(5)]
    for name in names:
        assert create(empty, experiment_id=name).status_code == 201
    page = empty.get("/experiments", limit="3").json()
    rest = empty.get("/experiments", limit="3", after=page["next_after"]).json()
    listed = [each["experiment_id"] for each in page["experiments"] + rest["experiments"]]
    assert (listed, rest["next_after"]) == (names, None)
    (revision,) = empty.get("/experiments/e1/revisions").json()["revisions"]
    assert revision == empty.get("/experiments/e1").json()
    assert empty.get("/experiments/none").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"arm_ids": ["red"]}, "arm_ids"),
        ({"arm_ids": ["red", "red"]}, "experiment"),
        ({"arm_ids": ["red", "Blue!"]}, "arm_ids.1"),
        ({"strategy": "guess"}, "strategy"),
        ({"strategy": "ucb1", "strategy_params": {"epsilon": 1}}, "strategy_params.epsilon"),
        ({"strategy": "fixed", "strategy_params": {"shares": "nul \0"}}, "strategy_params.shares"),
        ({"control": "green"}, "experiment"),
        ({"limits": {"probability_floor": 0.9}}, "limits"),
        ({"owner": "nul \0"}, "owner"),
        ({"experiment_id": "../x"}, "experiment_id"),
    ],
    ids=str,
)
def test_what_cannot_be_declared_is_refused_with_field_and_reason(
    empty: Api, database: Settings, body: dict[str, Any], field: str
) -> None:
    answer = create(empty, **body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["detail"]
    assert rows(database, "select * from allot.experiment") == []


def test_without_the_database_nothing_is_promised(serve: Serve, store_address: str) -> None:
    with serve(store_address, database_url="postgresql://nobody@127.0.0.1:1/none") as api:
        assert create(api).status_code == 503
        assert api.get("/experiments").status_code == 503
