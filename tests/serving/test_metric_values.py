"""Metric values with rewards, and covariates of a decision's context."""

from typing import Any

import pytest

from include.settings import Settings
from tests.support.declared import experiment, registered
from tests.support.logged import logged, rows
from tests.support.served import Api

pytestmark = pytest.mark.services


@pytest.fixture
def declared(database: Settings) -> Settings:
    """``button`` declares what a metric is made of, and one covariate."""
    registered(
        database,
        experiment(
            slug="button",
            arms=["blue", "green"],
            source={"kind": "decision_log"},
            reward={"kind": "bernoulli", "window": "P1D"},
            metrics={
                "revenue": {"covariate": "visits"},
                "ctr": {"ratio": {"of": "clicks", "per": "views"}},
            },
        ),
    )
    return database


def decide(api: Api, context: dict[str, Any] | None = None) -> Any:
    body = {"experiment_id": "button", "unit_id": "u", "context": context}
    return api.client.post("/decision", json={k: v for k, v in body.items() if v is not None})


def send(api: Api, metrics: Any, **body: Any) -> Any:
    given = {"experiment_id": "button", "reward": 1, "metrics": metrics, **body}
    return api.client.post("/reward", json=given)


def test_values_stand_in_the_log_as_they_were_sent(declared: Settings, api: Api) -> None:
    name = decide(api).json()["decision_id"]
    assert send(api, {"revenue": 12.5, "clicks": 1}, decision_id=name).status_code == 200
    assert send(api, {"revenue": 12.5, "clicks": 1}, decision_id=name).json()["outcome"] == (
        "recorded"
    )
    (row,) = rows(declared, "select metrics from allot.reward")
    assert row["metrics"] == {"revenue": 12.5, "clicks": 1}


def test_other_values_under_one_id_are_kept_aside(declared: Settings, api: Api) -> None:
    name = decide(api).json()["decision_id"]
    send(api, {"revenue": 1}, decision_id=name)
    assert send(api, {"revenue": 2}, decision_id=name).json()["outcome"] == "superseded"
    (row,) = rows(declared, "select metrics from allot.reward")
    assert row["metrics"] == {"revenue": 1}


@pytest.mark.parametrize(
    ("metrics", "field"),
    [
        ({"revenu": 1}, "metrics.revenu"),
        ({"ctr": 1}, "metrics.ctr"),
        ({"revenue": "12"}, "metrics.revenue"),
        ({"revenue": True}, "metrics.revenue"),
        ({"revenue": None}, "metrics.revenue"),
        ({"revenue": 1e13}, "metrics.revenue"),
        ({f"m{number}": 1 for number in range(21)}, "metrics"),
    ],
)
def test_what_is_no_declared_number_is_refused(
    declared: Settings, api: Api, metrics: dict[str, Any], field: str
) -> None:
    answer = send(api, metrics, unit_id="u", occurred_at="2026-01-10T12:00:00Z")
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert rows(declared, "select * from allot.reward") == []


def test_a_number_that_json_has_not_is_refused(declared: Settings, api: Api) -> None:
    body = (
        b'{"experiment_id":"button","reward":1,"metrics":{"revenue":NaN},'
        b'"unit_id":"u","occurred_at":"2026-01-10T12:00:00Z"}'
    )
    headers = {"content-type": "application/json"}
    assert api.client.post("/reward", content=body, headers=headers).status_code in {400, 422}
    assert rows(declared, "select * from allot.reward") == []


def test_what_names_only_an_arm_has_no_metrics(declared: Settings, api: Api) -> None:
    assert send(api, {"revenue": 1}, arm_id="blue").status_code == 422


def test_only_declared_numbers_of_a_context_are_kept(declared: Settings, api: Api) -> None:
    known = decide(api, {"visits": 3, "country": "de"}).json()["decision_id"]
    unknown = decide(api, {"country": "de"}).json()["decision_id"]
    found = logged(declared)
    assert found[known]["covariates"] == {"visits": 3}
    assert found[unknown]["covariates"] is None


@pytest.mark.parametrize("visits", ["three", True, 1e13])
def test_a_covariate_that_is_no_number_is_refused(
    declared: Settings, api: Api, visits: object
) -> None:
    answer = decide(api, {"visits": visits})
    assert (answer.status_code, answer.json()["field"]) == (422, "context.visits")
    assert logged(declared) == {}
