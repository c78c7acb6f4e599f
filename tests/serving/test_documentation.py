"""The documentation is true and needs nothing from elsewhere."""

import re
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from serving import examples
from serving.schemas import Allocation, DecisionAnswer, ProblemAnswer
from tests.support.served import Api

pytestmark = pytest.mark.services
DECLARES = ("POST /experiments", "PATCH /experiments/{experiment_id}", "/config", "/events")
GROUPS = {"POST /decision", "POST /reward", "POST /exposure"}
# An experiment that an earlier call archived decides no more, whatever is sent.
STATUSES = ["2xx", "3xx", 401, 403, 404, 409, 410, 429, "5xx"]
ACCEPTED = {"checks": {"positive_data_acceptance": {"expected-statuses": STATUSES}}}


def test_examples_have_the_members_of_real_answers(api: Api) -> None:
    real = {
        "allocation": (api.get("/allocation", experiment_id="button").json(), examples.ALLOCATION),
        "decision": (
            api.get("/decision", experiment_id="button", unit_id="u").json(),
            examples.DECISION,
        ),
        "reward": (
            api.client.post(
                "/reward", json={"experiment_id": "button", "arm_id": "blue", "reward": 1}
            ).json(),
            examples.REWARD,
        ),
        "exposure": (
            api.client.post(
                "/exposure",
                json={
                    "experiment_id": "button",
                    "decision_id": examples.EXPOSURE["decision_id"],
                },
            ).json(),
            examples.EXPOSURE,
        ),
        "problem": (api.get("/decision", experiment_id="none").json(), examples.PROBLEM),
    }
    for answer, example in real.values():
        assert answer.keys() == example.keys()


def test_real_answers_fit_the_documented_models(api: Api) -> None:
    for experiment in ("button", "slate"):
        Allocation.model_validate(api.get("/allocation", experiment_id=experiment).json())
        DecisionAnswer.model_validate(api.get("/decision", experiment_id=experiment).json())
    ProblemAnswer.model_validate(api.get("/nowhere").json())


def test_the_documentation_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) >= 3
    for link in links:
        assert link.startswith("/")
        assert api.get(link).status_code == 200
    assert "https://" not in page.text.replace("https://fastapi", "")


def test_what_the_document_promises_holds(api: Api) -> None:
    """Schemathesis: no 5xx, no undocumented status, no answer beside its schema."""
    schema = schemathesis.openapi.from_url(
        f"http://127.0.0.1:{api.port}/openapi.json", config=schemathesis.Config.from_dict(ACCEPTED)
    )
    tried = []
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # anything else fails here

        # No schema says that the control is one of the arms, or that limits can hold together;
        # and of a group one record is refused alone, so that the answer is not a refusal.
        excluded: list[Any] = []
        if operation.label.endswith(DECLARES):
            excluded.append(positive_data_acceptance)
        if operation.label in GROUPS:
            excluded.append(negative_data_rejection)

        @settings(
            max_examples=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(excluded_checks=excluded)  # noqa: B023  # called right here

        holds()
        tried.append(operation.label)
    hot = {"GET /allocation", "GET /decision", "POST /decision", "POST /reward", "POST /exposure"}
    assert hot | {"GET /ready"} <= set(tried)
