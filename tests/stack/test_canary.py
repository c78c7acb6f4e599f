"""The scheduler is well only when tasks come to their end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from stack.airflow_client import AirflowClient
from stack.parts import canary

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


class Answers:
    """What an Airflow says of the canary, over a transport instead of a network."""

    def __init__(self) -> None:
        self.paused = False
        self.ended: list[datetime] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "a"})
        if request.url.path.endswith("/dagRuns"):
            assert request.url.params["state"] == "success"
            runs: list[dict[str, Any]] = [{"end_date": end.isoformat()} for end in self.ended]
            return httpx.Response(200, json={"dag_runs": runs})
        return httpx.Response(200, json={"is_paused": self.paused})


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def client(answers: Answers) -> Iterator[AirflowClient]:
    with AirflowClient("http://airflow", "admin", "secret") as made:
        made._http = httpx.Client(base_url="http://airflow", transport=httpx.MockTransport(answers))
        yield made


def test_a_task_that_ended_lately_is_health(client: AirflowClient, answers: Answers) -> None:
    answers.ended = [NOW - timedelta(minutes=2)]
    assert canary.problem(client, LONG_AGO, NOW) is None


def test_a_scheduler_that_beats_and_runs_nothing_is_not_well(
    client: AirflowClient, answers: Answers
) -> None:
    answers.ended = [NOW - timedelta(minutes=4)]
    told = canary.problem(client, LONG_AGO, NOW)
    assert told is not None
    assert "no task has come to its end since 11:56:00 UTC" in told
    answers.ended = []
    assert "ever" in str(canary.problem(client, LONG_AGO, NOW))


def test_nothing_is_expected_of_a_fresh_scheduler_or_a_paused_canary(
    client: AirflowClient, answers: Answers
) -> None:
    assert canary.problem(client, NOW - timedelta(minutes=1), NOW) is None
    answers.paused = True
    assert canary.problem(client, LONG_AGO, NOW) is None
