"""A verdict on the running stack: Airflow asks, a person answers by REST, weights follow."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.experiments import read
from include.stores.reports.lifecycle import state_of
from include.stores.reports.statistics import StatisticsRow, write_batch_statistics
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from stack.airflow_client import AirflowClient
from stack.platform import Stack
from tests.support.declared import NOON, experiment, registered

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]

SLUG = "verdict-asked"
# One day alone says nothing: its mean is what the next days are compared with.
DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")
DETAIL = "/dags/approve_verdict/dagRuns/{}/taskInstances/approve/-1/hitlDetails"


def counted(version: str, clicks: tuple[int, int]) -> list[StatisticsRow]:
    """Sums of 4,000 units of Allot's own log, split evenly."""
    views, p = 2000, 0.5
    return [
        StatisticsRow(
            *(version, 0, arm, "*", views, float(k), float(k)),
            *(views / p, views / p**2, k / p, k / p**2, k / p**2),
        )
        for arm, k in enumerate(clicks)
    ]


@pytest.fixture(scope="module")
def settings(stack: Stack) -> Settings:
    chosen: Settings = stack.settings
    declared = experiment(
        slug=SLUG,
        arms=["plain", "bold"],
        control="plain",
        source={"kind": "decision_log"},
        verdict={"minimum_days": 1, "minimum_uplift": 0.05},
    )
    registered(chosen, declared)
    for batch in DAYS:
        write_batch_statistics(
            chosen, SLUG, batch, counted("v0", (100, 200)), lake_version=1, observed_at=NOON
        )
    return chosen


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Iterator[AirflowClient]:
    with stack.airflow() as client:
        for dag in ("decide_experiments", "approve_verdict"):
            client.wait_for_dag(dag)
        yield client


def eventually(ask: Callable[[], Any], seconds: float = 180) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.5)
    raise AssertionError("it did not happen in time")


def question(airflow: AirflowClient) -> str | None:
    """Return the run that asks about the experiment."""
    names = [str(run["dag_run_id"]) for run in airflow.runs("approve_verdict")]
    return next((name for name in names if f".{SLUG}." in name), None)


def waiting(airflow: AirflowClient, run: str) -> Any:
    states = airflow.request("GET", f"/dags/approve_verdict/dagRuns/{run}/taskInstances")
    tasks = {one["task_id"]: one["state"] for one in states["task_instances"]}
    if tasks.get("approve") not in {"awaiting_input", "deferred"}:
        return None
    return airflow.request("GET", DETAIL.format(run))


def test_a_person_is_asked_and_the_answer_ends_the_experiment(
    settings: Settings, airflow: AirflowClient
) -> None:
    for _ in range(2):
        # Asked once, however often it is decided.
        airflow.wait("decide_experiments", airflow.trigger("decide_experiments"), 360)
    run = eventually(lambda: question(airflow))
    form = eventually(lambda: waiting(airflow, run))
    assert form["subject"] == f"{SLUG}: ship bold?"
    assert "| position | arm | effect |" in form["body"]
    assert len([one for one in airflow.runs("approve_verdict") if SLUG in one["dag_run_id"]]) == 1

    given = {"chosen_options": ["Approve"], "params_input": {"reason": "bold it is"}}
    airflow.request("PATCH", DETAIL.format(run), json=given)
    eventually(lambda: airflow.run("approve_verdict", run)["state"] == "success")

    with connect(settings) as connection:
        (told,) = connection.execute(
            "select answer, answered_by, reason from allot.verdict_answer where experiment = %s",
            (SLUG,),
        ).fetchall()
        assert told == ("approved", "admin", "bold it is")
        assert state_of(connection, SLUG) == "concluded"
        assert read(connection, SLUG).experiment.default_arm == "bold"
        live = history(connection, SLUG)[-1]
    assert live.content.buckets("*", 0) == (0, 10_000)
    with WeightsStore(settings) as weights:
        assert weights.pointer(SLUG) == live.pointer()
