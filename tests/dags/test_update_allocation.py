"""The DAG on real services: backfills by day, and one failing experiment holds up no other."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import Submission, register
from include.stores.reports.lifecycle import change_state
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from include.tasks.ingest import ingest_log
from include.tasks.validate import validate_log
from tests.support.declared import experiment

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "include" / "experiments" / "obd-men.toml"
HOURLY = """
slug = "hourly"
title = "cuts the dataset finer than silver keeps it"
owner = "tests"
arms = ["a", "b"]
batch = "PT1H"
source = { kind = "open_bandit", campaign = "men" }
"""


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    """One experiment that works, one whose batches fail, one file that is refused."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "obd-men.toml").write_text(SHIPPED.read_text())
    (folder / "hourly.toml").write_text(HOURLY)
    (folder / "clash.toml").write_text(
        HOURLY.replace("hourly", "clash") + "limits = { probability_floor = 0.6 }\n"
    )
    return folder


@pytest.fixture
def result(isolated: Settings, experiments: Path, tmp_path: Path) -> dict[str, Any]:
    """What three runs of the DAG did: up to a day, to the end, and once more."""
    found = ingest_log(isolated, "men", "random", "obp sample")
    validate_log(isolated, "men", "random", found.log_key)
    for declared in (
        experiment(slug="by-api", source={"kind": "decision_log"}),
        experiment(slug="resting", source={"kind": "open_bandit", "campaign": "men"}),
    ):
        register(isolated, declared, Submission("api", "tests", "a client asked for it"))
    with transaction(isolated) as connection:
        change_state(connection, "resting", "paused", changed_by="ann", reason="a holiday")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")},
        "ALLOT_EXPERIMENTS_DIR": str(experiments),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(tmp_path / "none"),
        "PYTHONPATH": str(ROOT),
    }
    for command in (["-m", "airflow", "db", "migrate"], ["tests/dags/run_dags.py"]):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.rpartition("RESULT")[2])
    return told


def test_a_run_per_day_and_experiments_on_their_own(
    isolated: Settings, result: dict[str, Any]
) -> None:
    days = [datetime(2019, 11, day, tzinfo=UTC) for day in range(24, 31)]
    assert result["backfill"] == [
        [day.isoformat(), (day + timedelta(days=1)).isoformat()] for day in days
    ]
    for states in result["runs"]:
        # The refused file and the failing experiment are red; the other one is published.
        assert states["each.aggregate hourly"] == "failed"
        assert states["each.guard obd-men"] == states["each.publish obd-men"] == "success"
        assert states["each.gate obd-men"] == "success"
        # What came by the API needs no file and no DAG of its own; what is paused is left out.
        assert states["each.publish by-api"] == "success"
        assert not [name for name in states if "resting" in name]
        assert states["report"] == states["run"] == "failed"
    # The log of one experiment alone: Airflow then hands its row over as it is, not in a list.
    assert result["ingest"]["each.export by-api"] == "success"
    assert result["ingest"]["report"] == result["ingest"]["run"] == "success"
    with connect(isolated) as connection:
        chain = history(connection, "obd-men")
        reasons = connection.execute(
            "select why from allot.allocation_reasons where version = 7 and arm_id = 'item-7'"
        ).fetchall()
        judged = connection.execute(
            "select batch_id, action, promotable from allot.guardrail_check"
            " where experiment = 'obd-men' order by batch_id"
        ).fetchall()
    batches = [version.content.batch for version in chain]
    assert batches == [None, *(f"{day:%Y-%m-%d}" for day in days)]
    runs = {version.provenance["dag_run"] for version in chain[1:]}
    assert len(runs) == 2
    assert [version.provenance["dag_run"] for version in chain[1:3]] == [
        chain[1].provenance["dag_run"]
    ] * 2
    assert len(reasons) == 3
    assert all("proposed" in why and "P(best)" in why for (why,) in reasons)
    assert judged == [(f"{day:%Y-%m-%d}", "proceed", False) for day in days]
    with WeightsStore(isolated) as weights:
        assert weights.pointer("obd-men") == chain[-1].pointer()
        assert weights.pointer("resting") is None


@pytest.fixture
def until() -> Any:
    from dags import update_allocation

    return update_allocation._until


@pytest.mark.parametrize(
    ("run_type", "day", "expected"),
    [
        ("backfill", None, datetime(2019, 11, 25, tzinfo=UTC)),
        ("manual", None, None),
        ("manual", "2019-11-26", datetime(2019, 11, 27, tzinfo=UTC)),
        ("scheduled", None, None),
        ("asset_triggered", None, None),
    ],
)
def test_only_a_backfill_or_a_person_ends_at_a_day(
    until: Any, run_type: str, day: str | None, expected: datetime | None
) -> None:
    context = {
        "dag_run": SimpleNamespace(run_type=run_type),
        "data_interval_end": datetime(2019, 11, 25, tzinfo=UTC),
        "params": {"until": day},
    }
    assert until(context) == expected
