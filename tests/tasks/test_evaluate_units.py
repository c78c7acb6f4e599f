"""A log too long for memory in which units come again: the report is that of all rows at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from psycopg.rows import dict_row

from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.evaluate import evaluate_experiment
from include.tasks.evaluation import grouping
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.evaluated import RATES, shares_of
from tests.support.silver import BATCHES, Logged, write_silver

pytestmark = pytest.mark.services

CLICKS = ([5, 10, 60], [5, 10, 70])
ROW = ("log", "evaluation_policy", "position", "estimator")


def _drawn(batch: str, seed: int, shares: list[float], positions: int) -> list[Logged]:
    """Draw decisions of units that come again, in this batch and in others; some name no unit."""
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 120, 300).tolist()
    likes = np.random.default_rng(5).random(120)
    rows = []
    for unit in units:
        arm = int(rng.choice(3, p=shares))
        reward = float(rng.random() < RATES[arm] * 2 * likes[unit])
        name = None if unit % 10 == 0 else f"unit-{unit}"
        rows.append(Logged(batch, arm, int(rng.integers(positions)), reward, shares[arm], name))
    return rows


def _rows(settings: Settings, table: str, *more: str, **changes: Any) -> dict[Any, dict[str, Any]]:
    report = evaluate_experiment(settings, "shop", dag_run="manual", code_revision="a", **changes)
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        query = f"select * from allot.{table} where statistics_hash = %s"
        found = cursor.execute(query.encode(), (report.statistics_hash,)).fetchall()
    return {tuple(row[name] for name in (*ROW, *more)): row for row in found}


def _decisions(isolated: Settings, positions: int) -> None:
    """Log two batches under version 0, one under version 2."""
    registered(isolated, experiment(source={"kind": "decision_log"}, positions=positions))
    for batch, clicks in zip(BATCHES[:2], CLICKS, strict=True):
        observe(isolated, batch, clicks)
    update_experiment(isolated, "shop")
    first = [
        row
        for seed, batch in enumerate(BATCHES[:2])
        for row in _drawn(batch, seed, shares_of(isolated, 0), positions)
    ]
    write_silver(isolated, first, "shop", "v0")
    write_silver(isolated, _drawn(BATCHES[2], 9, shares_of(isolated, 2), positions), "shop", "v2")


def _uniform(isolated: Settings, positions: int) -> None:
    """Write a uniform log, on which replay is possible and bounds are known."""
    registered(isolated, experiment(positions=positions))
    rows = [
        row
        for seed, batch in enumerate(BATCHES)
        for row in _drawn(batch, seed, [1 / 3] * 3, positions)
    ]
    write_silver(isolated, rows, "open_bandit-men", "random")


@pytest.mark.parametrize("part_rows", [1_000_000, 70])
@pytest.mark.parametrize(("write", "positions"), [(_decisions, 1), (_decisions, 2), (_uniform, 2)])
def test_the_report_of_a_long_log_is_that_of_all_rows(
    isolated: Settings,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Settings, int], None],
    positions: int,
    part_rows: int,
) -> None:
    shop = isolated
    write(shop, positions)
    monkeypatch.setattr(grouping, "PART_ROWS", part_rows)
    whole = _rows(shop, "policy_value", "interval_method")
    parts = _rows(shop, "policy_value", "interval_method", most_rows=10)
    assert {name[3] for name in parts} >= {"on-policy", "dr", "snips", "sg-ips", "switch-dr"}
    assert {name for name in whole if name[-1] != "bootstrap"} == set(parts)
    for name, row in parts.items():
        for number in ("value", "variance", "lo", "hi"):
            assert row[number] == pytest.approx(whole[name][number], rel=1e-9, abs=1e-12), name
        assert row["hyper_parameters"] == pytest.approx(whole[name]["hyper_parameters"]), name
    checks = _rows(shop, "policy_diagnostics")
    long = _rows(shop, "policy_diagnostics", most_rows=10)
    assert set(long) == set(checks)
    for name, row in long.items():
        for number in ("effective_sample_size", "mean_weight_error", "largest_weight"):
            assert row[number] == pytest.approx(checks[name][number], rel=1e-8, abs=1e-8), name
        assert (row["verdict"], row["reasons"]) == (
            checks[name]["verdict"],
            checks[name]["reasons"],
        ), name
    assert "usable" in {row["verdict"] for row in long.values()}
    assert not [row for row in long.values() if "unit" in row["reasons"]]


def test_a_long_log_of_one_batch_counts_units_too(isolated: Settings) -> None:
    registered(isolated, experiment())
    rows = _drawn(BATCHES[0], 0, [1 / 3] * 3, 1)
    write_silver(isolated, rows, "open_bandit-men", "random")
    name = ("random", "uniform", "all", "ips", "normal")
    whole = _rows(isolated, "policy_value", "interval_method")[name]
    parts = _rows(isolated, "policy_value", "interval_method", most_rows=10)[name]
    assert parts["variance"] == pytest.approx(whole["variance"], rel=1e-9)
    mean = np.mean([row.reward for row in rows])
    assert parts["variance"] != pytest.approx(mean * (1 - mean) / len(rows), rel=0.05)
