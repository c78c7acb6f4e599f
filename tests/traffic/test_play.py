"""A short play against the real API, followed by the steps that Airflow would run."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from include.settings import Settings
from include.tasks.decision_log.export import export_log
from include.tasks.decision_log.run import waiting
from include.tasks.decision_log.silver import make_silver
from include.tasks.judgement.store import judge_and_store
from include.tasks.update_run import aggregate_experiment, publish_row, update_row
from serving.settings import ServingSettings
from tests.support.logged import rows
from tests.support.served import Api, eventually, running
from traffic import play as play_module
from traffic.play import declare, play
from traffic.report import show

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


@pytest.fixture
def api(isolated: Settings, tmp_path: Path) -> Iterator[Api]:
    chosen = ServingSettings(
        store_url=isolated.store_url,
        database_url=isolated.database_url,
        serving_poll_seconds=0.05,
        serving_snapshot_dir=tmp_path / "snapshots",
        serving_spool_dir=tmp_path / "spool",
        serving_log_level="ERROR",
    )
    with running(chosen) as served:
        yield served


def test_a_play_moves_weights_and_is_told_batch_by_batch(
    api: Api, isolated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As `make traffic` declares it, but closed within this test's patience.
    short = {"batch": "PT1S", "reward": {"kind": "bernoulli", "window": "PT1S"}}
    monkeypatch.setattr(play_module, "DECLARED", play_module.DECLARED | short)
    url = f"http://127.0.0.1:{api.port}"
    assert asyncio.run(declare(url, "played"))
    assert not asyncio.run(declare(url, "played"))
    played = asyncio.run(play(url, "played", per_second=60, seconds=2, seed=1))
    assert (played.away, len(played.shown) > 20, played.rewards > 0) == (0, True, True)
    logged = rows(isolated, "select distinct cell from allot.decision")
    assert {row["cell"] for row in logged} == {"*", "mobile"}

    def closed() -> bool:
        exported = export_log(isolated, "played")
        make_silver(isolated, "played", exported.covered_until)
        return waiting(isolated, ["played"])

    eventually(closed, seconds=60)
    row = aggregate_experiment(isolated, "played")
    assert publish_row(isolated, update_row(isolated, row, until=None, dag_run="tests"))["live"] > 0
    judge_and_store(isolated, "played", dag_run="tests")
    console = Console(record=True, width=160)
    show(console, isolated.database_url.get_secret_value(), "played", played)
    told = console.export_text()
    assert all(word in told for word in ("v1", "mobile", "simulated", "arm − blue"))
