"""The closed loop through the real API: decide, reward, ingest, learn, publish, decide again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings
from include.tasks.decision_log.export import export_log
from include.tasks.decision_log.run import waiting
from include.tasks.decision_log.silver import make_silver
from include.tasks.publish import publish_experiment
from include.tasks.update_run import aggregate_experiment, publish_row, update_row
from serving.settings import ServingSettings
from tests.support.declared import experiment, registered
from tests.support.ledger import assert_silver_is_the_log
from tests.support.logged import rows
from tests.support.served import Api, eventually, running

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]
WINDOW = timedelta(seconds=1)


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    """``shop``: batches and windows of a second, so that they close while a test runs."""
    registered(
        isolated,
        experiment(
            source={"kind": "decision_log"},
            batch="PT1S",
            reward={"kind": "bernoulli", "window": "PT1S"},
        ),
    )
    publish_experiment(isolated, "shop")
    return isolated


@pytest.fixture
def api(shop: Settings, tmp_path: Path) -> Iterator[Api]:
    """The API on the same database and store."""
    chosen = ServingSettings(
        store_url=shop.store_url.get_secret_value(),
        database_url=shop.database_url.get_secret_value(),
        serving_poll_seconds=0.05,
        serving_snapshot_dir=tmp_path / "snapshots",
        serving_spool_dir=tmp_path / "spool",
        serving_log_level="ERROR",
    )
    with running(chosen) as served:
        eventually(lambda: served.get("/allocation", experiment_id="shop").status_code == 200)
        yield served


def live_traffic(api: Api, units: int) -> None:
    """Decide for units in one call, ten of them twice; item-1 is always clicked."""
    ids = [f"a{number % (units - 10)}" for number in range(units)]
    body = {"experiment_id": "shop", "unit_ids": ids}
    # Before they decide, by the client's clock: a busy machine could else miss the window.
    clicked = datetime.now(UTC).isoformat()
    decided = api.client.post("/decision", json=body).json()["decisions"]
    clicks = [
        {"decision_id": each["decision_id"], "reward": 1, "occurred_at": clicked}
        for each in decided
        if each["arm_id"] == "item-1"
    ]
    answer = api.client.post("/reward", json={"experiment_id": "shop", "rewards": clicks})
    assert answer.status_code == 200, answer.text


def learn(settings: Settings) -> dict[str, Any]:
    row = aggregate_experiment(settings, "shop")
    return {**publish_row(settings, update_row(settings, row, until=None, dag_run="tests"))}


def closed(settings: Settings, decided: datetime) -> bool:
    """Ingest, and tell whether every batch up to a moment is over, with its rewards."""
    covered = export_log(settings, "shop").covered_until
    make_silver(settings, "shop", covered)
    return datetime.fromisoformat(covered) >= decided + 2 * WINDOW and waiting(settings, ["shop"])


def test_what_the_api_decided_moves_what_it_decides_next(api: Api, shop: Settings) -> None:
    live_traffic(api, 90)
    decided = datetime.now(UTC)
    # A second may end within the call: then it fills two batches.
    eventually(lambda: closed(shop, decided), seconds=60)
    done = learn(shop)
    assert done["live"] >= 1
    eventually(lambda: api.get("/allocation", experiment_id="shop").json()["version"] >= 1)
    weights = api.get("/allocation", experiment_id="shop").json()["weights"]
    assert weights["item-1"] > 0.8
    silver = assert_silver_is_the_log(shop, "shop", WINDOW)
    sums = rows(
        shop,
        "select sum(s.n) as n, sum(s.decisions) as decisions, sum(s.sum_r) as r,"
        " sum(s.sum_ip) as ip from allot.arm_statistics as s inner join allot.batch_statistics"
        " as b using (experiment, batch_id, statistics_hash) where b.superseded_at is null",
    )[0]
    units = silver.unique(["unit", "batch_id", "behavior_policy"])
    assert (sums["n"], sums["decisions"]) == (units.height, silver.height)
    assert silver.height == 90
    assert silver["unit"].n_unique() == 80
    assert sums["r"] == silver["reward"].sum()
    assert isclose(sums["ip"], (1 / units["pscore"]).sum(), rel_tol=1e-9)
    assert learn(shop)["versions"] == [], "nothing new, nothing published"
