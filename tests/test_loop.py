"""The whole loop through the running stack, by REST, as its users drive it."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import polars as pl
import psycopg
import pytest

from include.stores.lake.open_bandit_files import PACKAGED_SAMPLE, locate
from stack.airflow_client import AirflowClient
from stack.platform import Stack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]

DAYS = [f"2019-11-{day}" for day in range(24, 31)]


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> Iterator[AirflowClient]:
    with stack.airflow() as client:
        for dag in (
            "ingest_open_bandit",
            "update_allocation",
            "evaluate_policies",
            "judge_experiments",
        ):
            client.wait_for_dag(dag)
        yield client


def rows(stack: Stack, query: str, *given: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.environment["ALLOT_READER_DATABASE_URL"]) as connection:
        return connection.execute(query, given).fetchall()


def settled(airflow: AirflowClient, dag: str, seconds: float = 240) -> None:
    """Wait until a DAG has at least one run and none of them goes on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = {run["state"] for run in airflow.runs(dag)}
        if states and not states & {"queued", "running"}:
            return
        time.sleep(0.5)
    raise AssertionError(f"{dag} does not come to rest: {airflow.runs(dag)}")


@pytest.fixture(scope="module")
def backfilled(stack: Stack, airflow: AirflowClient) -> list[str]:
    """Ingest a campaign while the update is paused, then backfill the seven days by REST."""
    settled(airflow, "update_allocation")
    # What follows every version would run once per day of the backfill, and is tested on its own.
    for dag in ("update_allocation", "evaluate_policies", "judge_experiments"):
        airflow.request("PATCH", f"/dags/{dag}", json={"is_paused": True})
    airflow.wait(
        "ingest_open_bandit", airflow.trigger("ingest_open_bandit", {"campaigns": ["men"]}), 300
    )
    airflow.request(
        "POST",
        "/backfills",
        json={
            "dag_id": "update_allocation",
            "from_date": f"{DAYS[0]}T00:00:00Z",
            "to_date": f"{DAYS[-1]}T00:00:00Z",
            "max_active_runs": 1,
            "run_backwards": False,
        },
    )
    airflow.request("PATCH", "/dags/update_allocation", json={"is_paused": False})
    settled(airflow, "update_allocation", 400)
    runs = airflow.runs("update_allocation", run_type="backfill", order_by="logical_date")
    assert [run["state"] for run in runs] == ["success"] * len(DAYS)
    return [str(run["dag_run_id"]) for run in runs]


def test_a_backfill_publishes_one_version_per_day(stack: Stack, backfilled: list[str]) -> None:
    published = rows(
        stack,
        "select version, batch_id, provenance ->> 'dag_run' from allot.weights_snapshot"
        " where experiment = 'obd-men' and version > 0 order by version",
    )
    assert published == [
        (version, day, f"update_allocation/{run}")
        for version, (day, run) in enumerate(zip(DAYS, backfilled, strict=True), start=1)
    ]


def test_everything_that_came_in_is_in_silver_or_quarantine(
    stack: Stack, backfilled: list[str]
) -> None:
    counts = rows(
        stack,
        "select behavior_policy, rows_in, rows_silver + rows_quarantined from allot.data_quality"
        " where source = 'open_bandit-men' order by 1",
    )
    assert counts == [("bts", 10_000, 10_000), ("random", 10_000, 10_000)]


def test_the_api_serves_what_was_published(stack: Stack, backfilled: list[str]) -> None:
    with httpx.Client(
        base_url=stack.environment["ALLOT_SERVING_URL"], trust_env=False, timeout=30
    ) as api:
        deadline = time.monotonic() + 30
        while True:
            answer = api.get("/allocation", params={"experiment_id": "obd-men"})
            if (answer.is_success and answer.json()["version"] == 7) or (
                time.monotonic() > deadline
            ):
                break
            time.sleep(0.2)
        found = answer.json()
        assert found["version"] == 7
        assert found["batch"] == DAYS[-1]
        assert [sum(slot["buckets"].values()) for slot in found["positions"]] == [10_000] * 3
        again = api.get(
            "/allocation",
            params={"experiment_id": "obd-men"},
            headers={"If-None-Match": answer.headers["etag"]},
        )
        assert again.status_code == httpx.codes.NOT_MODIFIED
        decision = api.get(
            "/decision", params={"experiment_id": "obd-men", "unit_id": "unit-1"}
        ).json()
    assert decision["weights_version"] == 7
    share = found["positions"][0]["buckets"][decision["arm_id"]]
    assert decision["propensity"] == share / 10_000


def test_the_evaluation_is_in_the_views_and_in_mlflow(
    stack: Stack, airflow: AirflowClient, backfilled: list[str]
) -> None:
    airflow.request("PATCH", "/dags/evaluate_policies", json={"is_paused": False})
    run = airflow.trigger("evaluate_policies", {"experiments": ["obd-men"]})
    airflow.wait("evaluate_policies", run, 300)
    values = rows(
        stack,
        "select estimator, value, lo, hi, tracking_url from allot.policy_values"
        " where experiment = 'obd-men' and log = 'random' and evaluation_policy = 'uniform'"
        " and position = 'all' and interval_method = 'normal'",
    )
    by_name = {name: (value, lo, hi) for name, value, lo, hi, _ in values}
    assert {"ips", "snips", "dm", "dr"} <= set(by_name)
    log = pl.read_csv(locate(PACKAGED_SAMPLE) / "random/men/men.csv")
    # The random log *is* the uniform policy's: its mean is the value, and every interval holds it.
    mean = log["click"].mean()
    assert by_name["ips"][0] == pytest.approx(mean, rel=1e-9)
    assert all(lo < mean < hi for _, lo, hi in by_name.values())
    url = stack.settings.mlflow_url
    found = httpx.post(
        f"{url}/api/2.0/mlflow/runs/search",
        json={"experiment_ids": [_mlflow_experiment(url, "obd-men")]},
        trust_env=False,
        timeout=30,
    ).json()["runs"]
    linked = {tracking.rpartition("/")[2] for *_, tracking in values}
    newest = [one for one in found if one["info"]["run_id"] in linked]
    assert len(newest) == 1
    metrics = {metric["key"]: metric["value"] for metric in newest[0]["data"]["metrics"]}
    assert by_name["ips"][0] in metrics.values()


def _mlflow_experiment(url: str, name: str) -> str:
    answer = httpx.get(
        f"{url}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": name},
        trust_env=False,
        timeout=30,
    )
    return str(answer.json()["experiment"]["experiment_id"])


def test_a_scheduler_killed_under_load_counts_nothing_twice(
    stack: Stack, airflow: AirflowClient, backfilled: list[str]
) -> None:
    run = airflow.trigger("ingest_open_bandit", {"campaigns": ["women"]})
    deadline = time.monotonic() + 120
    while not any(
        task.state == "running" and task.task_id == "each.validate"
        for task in airflow.tasks("ingest_open_bandit", run)
    ):
        assert time.monotonic() < deadline, "validation does not start"
        time.sleep(0.2)
    record = stack.supervisor.record("airflow-scheduler")
    assert record is not None
    os.kill(record["leader"], signal.SIGKILL)
    airflow.wait("ingest_open_bandit", run, 400)
    update = airflow.trigger("update_allocation")
    airflow.wait("update_allocation", update, 300)
    counted = rows(
        stack,
        "select position, arm, observations, rewards from allot.arm_performance"
        " where experiment = 'obd-women' order by 1, 2",
    )
    log = pl.read_csv(locate(PACKAGED_SAMPLE) / "random/women/women.csv")
    expected = (
        log.group_by(pl.col("position") - 1, "item_id")
        .agg(pl.len(), pl.col("click").sum())
        .sort("position", "item_id")
        .rows()
    )
    assert counted == [tuple(row) for row in expected]


def test_no_task_log_holds_a_secret(stack: Stack, backfilled: list[str]) -> None:
    secrets = json.loads(stack.config.secrets_file.read_text())
    # The access key's id stands in presigned links by design; its secret never does.
    told = [text for name, text in secrets.items() if name != "s3_access_key"]
    assert told
    for log in (stack.config.folder("log") / "airflow-tasks").rglob("*.log"):
        content = log.read_text(errors="replace")
        assert not [text for text in told if text in content], log
