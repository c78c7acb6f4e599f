"""Tracking against a real MLflow server and PostgreSQL: one run each, whatever happens."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.tracking import COMPLETE_TAG, RunKey, TrackedRun, Tracker
from include.stores.tracking_content import Curve, RunContent
from include.tasks.evaluate import evaluate_experiment
from include.tasks.track import track_evaluations
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.silver import BATCHES, skewed_log, uniform_log, write_silver

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = pytest.mark.services

KEY = RunKey("shop", "2019-11-25", "a" * 64, "evaluation")
CONTENT = RunContent(
    "evaluation 2019-11-25",
    step=2,
    params={"policy": "thompson"},
    tags={"dag_run": "manual", "lake_version": 3},
    metrics={"value/random/uniform/ips": 0.25},
    curves=[Curve("regret/random", range(0, 10_000, 10), [0.5] * 1000)],
    tables={"policy_value": [{"estimator": "ips", "value": 0.25}]},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server of this module alone, on files."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        command, env={**os.environ, **quiet}, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _await(url, process, folder / "server.log")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        log.close()


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"MLflow did not start: {log.read_text()}")


@pytest.fixture
def tracked(database: Settings, server: str, request: pytest.FixtureRequest) -> Settings:
    return database.model_copy(update={"mlflow_url": server})


@pytest.fixture
def key(request: pytest.FixtureRequest) -> RunKey:
    """A key of this test alone: the server is shared."""
    return RunKey(f"shop-{abs(hash(request.node.name))}", KEY.batch, KEY.statistics, KEY.kind)


def _client(settings: Settings) -> "MlflowClient":
    from mlflow.tracking import MlflowClient

    return MlflowClient(settings.mlflow_url)


def _runs(settings: Settings, key: RunKey) -> "list[Run]":
    client = _client(settings)
    found = client.get_experiment_by_name(key.experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def _record(settings: Settings, key: RunKey, content: RunContent = CONTENT) -> TrackedRun:
    with connect(settings) as connection:
        return Tracker(settings, connection).record(key, content)


def test_a_run_holds_params_tags_metrics_curves_and_artifacts(
    tracked: Settings, key: RunKey
) -> None:
    recorded = _record(tracked, key)
    (run,) = _runs(tracked, key)
    client = _client(tracked)
    assert recorded == TrackedRun(run.info.run_id, recorded.url, created=True, logged=True)
    assert recorded.url.endswith(f"/runs/{run.info.run_id}")
    assert (run.info.status, run.info.run_name) == ("FINISHED", CONTENT.title)
    assert run.data.params == {"policy": "thompson"}
    assert (run.data.tags["dag_run"], run.data.tags["lake_version"]) == ("manual", "3")
    assert run.data.metrics["value/random/uniform/ips"] == 0.25
    (point,) = client.get_metric_history(run.info.run_id, "value/random/uniform/ips")
    assert point.step == 2
    curve = client.get_metric_history(run.info.run_id, "regret/random")
    assert len(curve) == 300
    assert (min(p.step for p in curve), max(p.step for p in curve)) == (0, 9990)
    paths = {
        file.path
        for folder in ("curves", "tables")
        for file in client.list_artifacts(run.info.run_id, folder)
    }
    assert paths == {"curves/regret.random.csv", "tables/policy_value.csv"}


def test_recording_again_is_the_same_run_and_logs_nothing(tracked: Settings, key: RunKey) -> None:
    first, second = _record(tracked, key), _record(tracked, key)
    assert (second.run_id, second.created, second.logged) == (first.run_id, False, False)
    assert len(_runs(tracked, key)) == 1


def test_an_interrupted_run_is_completed_not_doubled(tracked: Settings, key: RunKey) -> None:
    run_id = _record(tracked, key).run_id
    client = _client(tracked)
    client.delete_tag(run_id, COMPLETE_TAG)
    again = _record(tracked, key)
    assert (again.run_id, again.created, again.logged) == (run_id, False, True)
    assert len(client.get_metric_history(run_id, "regret/random")) == 300
    assert len(client.get_metric_history(run_id, "value/random/uniform/ips")) == 1


def test_a_run_that_mlflow_lost_is_made_again(tracked: Settings, key: RunKey) -> None:
    lost = _record(tracked, key).run_id
    _client(tracked).delete_run(lost)
    again = _record(tracked, key)
    assert again.created
    assert again.run_id != lost
    assert len(_runs(tracked, key)) == 1


def test_a_deleted_experiment_comes_back(tracked: Settings, key: RunKey) -> None:
    _record(tracked, key)
    client = _client(tracked)
    found = client.get_experiment_by_name(key.experiment)
    assert found is not None
    client.delete_experiment(found.experiment_id)
    _record(tracked, key)
    assert len(_runs(tracked, key)) == 1


def test_two_at_once_make_one_run(tracked: Settings, key: RunKey) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(_record, tracked, key) for _ in range(4)]
        runs = [one.result() for one in done]
    assert len({run.run_id for run in runs}) == 1
    assert sum(run.created for run in runs) == 1
    assert len(_runs(tracked, key)) == 1


def test_batches_and_kinds_have_runs_of_their_own(tracked: Settings, key: RunKey) -> None:
    others = [
        key,
        RunKey(key.experiment, "2019-11-26", key.statistics, key.kind),
        RunKey(key.experiment, key.batch, "b" * 64, key.kind),
        RunKey(key.experiment, key.batch, key.statistics, "simulation"),
    ]
    assert len({_record(tracked, one).run_id for one in others}) == 4
    assert len(_runs(tracked, key)) == 4


def test_an_outage_ends_in_an_error_within_the_deadline(database: Settings) -> None:
    from mlflow.exceptions import MlflowException

    away = database.model_copy(update={"mlflow_url": "http://127.0.0.1:9", "timeout_seconds": 1.0})
    with pytest.raises(MlflowException):
        _record(away, KEY)
    # The lock went with the error: nobody waits for it.
    with connect(database) as connection:
        assert connection.execute(
            "select count(*) from pg_locks where locktype = 'advisory'"
        ).fetchone() == (0,)


@pytest.fixture
def evaluated(isolated: Settings, server: str) -> Settings:
    chosen = isolated.model_copy(update={"mlflow_url": server})
    slug = f"shop-{time.time_ns()}"
    registered(chosen, experiment(slug=slug))
    for batch in BATCHES:
        observe(chosen, batch, [5, 10, 60], slug=slug)
    update_experiment(chosen, slug)
    write_silver(chosen, uniform_log((0.2, 0.4, 0.6)), "open_bandit-men", "random")
    write_silver(chosen, skewed_log((0.2, 0.4, 0.6), (0.6, 0.3, 0.1)), "open_bandit-men", "bts")
    evaluate_experiment(chosen, slug, dag_run="manual", code_revision="abc")
    return chosen


def _slug(settings: Settings) -> str:
    with connect(settings) as connection:
        row = connection.execute("select slug from allot.experiment").fetchone()
    assert row is not None
    return str(row[0])


def test_an_evaluation_is_shown_with_its_figures_and_found_from_the_reports(
    evaluated: Settings,
) -> None:
    slug = _slug(evaluated)
    ((batch, run),) = list(track_evaluations(evaluated, slug))
    assert (batch, run.created) == (BATCHES[-1], True)
    client = _client(evaluated)
    figures = {file.path for file in client.list_artifacts(run.run_id, "figures")}
    names = {
        "allocation",
        "learning",
        "policy_values_bts",
        "policy_values_random",
        "posteriors",
        "regret_bts",
        "regret_random",
    }
    assert figures == {f"figures/{name}.png" for name in names}
    stored = client.get_run(run.run_id)
    assert stored.data.tags["weights_version"] == "3"
    assert stored.data.params["policy"] == "thompson"
    with connect(evaluated) as connection:
        rows = connection.execute(
            "select 'value/' || log || '/' || evaluation_policy || '/' || estimator, value"
            " from allot.policy_value where position = 'all' and interval_method = 'normal'"
        ).fetchall()
        shown = connection.execute("select tracking_url from allot.experiment_overview").fetchone()
    assert len(rows) > 10
    for name, value in rows:
        assert stored.data.metrics[name] == pytest.approx(value, rel=1e-12)
    assert shown == (run.url,)


def test_tracking_again_changes_nothing_and_lost_runs_come_back(evaluated: Settings) -> None:
    slug = _slug(evaluated)
    ((_, first),) = list(track_evaluations(evaluated, slug))
    ((_, again),) = list(track_evaluations(evaluated, slug))
    assert (again.run_id, again.created, again.logged) == (first.run_id, False, False)
    _client(evaluated).delete_run(first.run_id)
    ((_, back),) = list(track_evaluations(evaluated, slug, everything=True))
    assert back.created
    with connect(evaluated) as connection:
        pointers = connection.execute("select run_id from allot.tracking_run").fetchall()
    assert pointers == [(back.run_id,)]
