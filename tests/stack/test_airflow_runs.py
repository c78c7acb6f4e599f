"""Old runs leave Airflow by its own API; running ones and newer ones stay."""

from datetime import UTC, datetime, timedelta

import pytest

from include.errors import OrchestratorError
from include.stores.airflow import AirflowRuns
from stack.platform import Stack
from tests.stack.conftest import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]
DAG = "reconcile_weights"


def test_runs_beyond_the_horizon_are_deleted(stack: Stack) -> None:
    with stack.airflow() as airflow:
        airflow.wait_for_dag(DAG)
        name = airflow.trigger(DAG)
        eventually(lambda: airflow.run(DAG, name)["state"] == "success", 180)
        ended = datetime.fromisoformat(airflow.run(DAG, name)["end_date"])
    with AirflowRuns(stack.settings) as runs:
        assert DAG in runs.dags()
        long_ago = datetime.now(UTC) - timedelta(days=30)
        assert runs.delete_ended(DAG, long_ago) == 0
        before = ended + timedelta(microseconds=1)
        count, names = runs.ended(DAG, before)
        assert name in names
        assert runs.delete_ended(DAG, before) == count
        assert runs.ended(DAG, before) == (0, [])


def test_a_wrong_password_is_said(stack: Stack) -> None:
    wrong = stack.settings.model_copy(update={"airflow_password": stack.settings.s3_secret_key})
    with pytest.raises(OrchestratorError, match=r"refuses POST /auth/token: 401"):
        AirflowRuns(wrong).__enter__()
