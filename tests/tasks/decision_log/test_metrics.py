"""Metric values: folded by hand, and from the log to the view against plain Python."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from include.contract.named_numbers import added_text
from include.experiments.metric import Metric
from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.aggregate import aggregate_batch
from include.tasks.decision_log.aggregate import due_batches
from include.tasks.decision_log.metrics import metric_rows
from include.tasks.judgement.store import judge_and_store
from include.tasks.update_run import aggregate_experiment
from tests.support.logged import rows as query
from tests.support.shop_log import ingest, log, opened, reward

METRICS = {
    "spend": {"cap": 50.0},
    "steady": {"value": "spend", "covariate": "visits"},
    "ctr": {"ratio": {"of": "clicks", "per": "views"}},
    "errors": {"higher_is_better": False},
}
DECLARED = {name: Metric.model_validate(one) for name, one in METRICS.items()}
ARMS, SHARE = 3, (0.3334, 0.3333, 0.3333)


def silver(*given: tuple[str | None, dict[str, float] | None, float | None]) -> pl.DataFrame:
    """Rows of one arm: unit, metric values, and the covariate, in order of time."""
    return pl.DataFrame(
        [
            {
                "behavior_policy": "v1", "cell": "*", "position": 0, "arm": 0, "pscore": 0.5,
                "unit": unit, "row_id": f"d{number}/00", "decided_at": number,
                "metrics": None if values is None else json.dumps(values),
                "covariates": None if visits is None else json.dumps({"visits": visits}),
            }
            for number, (unit, values, visits) in enumerate(given)
        ],
        schema_overrides={"unit": pl.String, "metrics": pl.String, "covariates": pl.String},
    )  # fmt: skip


def test_values_of_a_unit_are_added_up_and_then_capped() -> None:
    frame = silver(("a", {"spend": 30.0}, None), ("a", {"spend": 40.0}, None), ("b", None, None))
    (row,) = metric_rows(frame, {"spend": DECLARED["spend"]})
    assert (row.n, row.capped, row.sum_y, row.sum_y2) == (2, 1.0, 50.0, 2500.0)
    assert (row.sum_ip, row.sum_y_ip, row.sum_y2_ip2) == (4.0, 100.0, 10_000.0)


def test_the_covariate_is_that_of_the_first_decision() -> None:
    """A later visit may be the arm's own doing."""
    frame = silver(("a", None, 2.0), ("a", {"spend": 3.0}, 9.0), ("b", None, None))
    (row,) = metric_rows(frame, {"steady": DECLARED["steady"]})
    assert (row.n, row.sum_x, row.sum_x2, row.sum_xy) == (2, 2.0, 4.0, 6.0)


def test_decisions_without_a_unit_are_observations_of_their_own() -> None:
    frame = silver((None, {"clicks": 1, "views": 2}, None), (None, {"views": 3}, None))
    (row,) = metric_rows(frame, {"ctr": DECLARED["ctr"]})
    assert (row.n, row.sum_y, row.sum_x, row.sum_xy) == (2, 1.0, 5.0, 2.0)


def test_sums_of_metrics_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(4)
    given = [
        (f"u{number % 40}", {"spend": float(rng.lognormal(1, 2)), "views": 1.0}, float(number))
        for number in range(300)
    ]
    frame = silver(*given)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=2)
    assert metric_rows(frame, DECLARED) == metric_rows(shuffled, DECLARED)


def test_equal_numbers_have_one_text() -> None:
    assert added_text(['{"b": 1, "a": 0.1}', '{"a": 0.2}']) == '{"a":0.30000000000000004,"b":1.0}'
    assert added_text(['{"a": 1e2}']) == added_text(['{"a": 100.0}']) == '{"a":100.0}'


def _fill(settings: Settings, batches: int, units: int) -> list[list[dict[str, Any]]]:
    """Log units over batches of ten minutes; return what each was, as plain values."""
    rng = np.random.default_rng(6)
    told: list[list[dict[str, Any]]] = []
    for batch in range(batches):
        own: list[dict[str, Any]] = []
        for number in range(units):
            arm = number % ARMS
            visits = float(rng.integers(0, 9))
            spend = round(float(rng.lognormal(1, 1)) + 2 * visits + 3 * (arm == 1), 2)
            views, clicks = int(rng.integers(1, 6)), 0
            clicks = int(rng.binomial(views, 0.3 + 0.2 * (arm == 1)))
            minute = 10 * batch + 9 * number / units
            name = log(
                settings, minute, f"b{batch}u{number}", arm=arm, covariates={"visits": visits}
            )
            values = {"spend": spend, "views": views, "clicks": clicks, "unheard-of": 1}
            reward(settings, minute + 0.5, decision_id=name, metrics=values)
            own.append({"arm": arm, "x": visits, "spend": spend, "views": views, "clicks": clicks})
        told.append(own)
    return told


@pytest.mark.services
@pytest.mark.xdist_group("services")
def test_values_flow_from_the_log_to_the_view(isolated: Settings) -> None:
    shop = opened(isolated, control="item-0", metrics=METRICS)
    told = _fill(shop, batches=4, units=150)
    ingest(shop)
    aggregate_experiment(shop, "shop")
    judge_and_store(shop, "shop", dag_run="tests")
    found = {
        (row["metric"], row["arm_id"]): row for row in query(shop, "select * from allot.metrics")
    }
    assert len(found) == len(METRICS) * ARMS
    units = [unit for batch in told for unit in batch]
    for arm in range(ARMS):
        own = [unit for unit in units if unit["arm"] == arm]
        name = f"item-{arm}"
        spend = [min(unit["spend"], 50.0) for unit in own]
        row = found["spend", name]
        assert (row["observations"], row["cap"]) == (200, 50.0)
        assert row["capped"] == sum(unit["spend"] > 50.0 for unit in own)
        assert row["value"] == pytest.approx(sum(spend) / 200)
        assert row["standard_error"] == pytest.approx(np.std(spend) / 200**0.5)
        ratio = sum(unit["clicks"] for unit in own) / sum(unit["views"] for unit in own)
        assert found["ctr", name]["value"] == pytest.approx(ratio)
        assert found["errors", name]["value"] == 0.0
    better = found["ctr", "item-1"]
    assert (better["answer"], better["against"]) == ("better", "item-0")
    difference = better["value"] - found["ctr", "item-0"]["value"]
    assert better["fixed_estimate"] == pytest.approx(difference)
    assert better["lo"] < better["estimate"] < better["hi"]
    assert found["ctr", "item-0"]["answer"] == "none"
    assert found["errors", "item-1"]["answer"] == "unknown"
    assert "0 effective observations" in found["errors", "item-1"]["reason"]
    _assert_adjusted_by_hand(told, found["steady", "item-1"])


def _assert_adjusted_by_hand(told: list[list[dict[str, Any]]], row: dict[str, Any]) -> None:
    """θ of the batches before, from explicit units, and the difference of adjusted means."""
    adjusted: dict[int, list[float]] = {arm: [] for arm in range(ARMS)}
    xx = xy = 0.0
    seen: list[float] = []
    for number, batch in enumerate([told[0], *told]):
        theta, center = (xy / xx, float(np.mean(seen))) if seen else (0.0, 0.0)
        if number == 1:
            # The first batch is adjusted by itself, and counts once.
            xx = xy = 0.0
            seen, adjusted = [], {arm: [] for arm in range(ARMS)}
        for arm in range(ARMS):
            x = np.array([unit["x"] for unit in batch if unit["arm"] == arm])
            y = np.array([unit["spend"] for unit in batch if unit["arm"] == arm])
            adjusted[arm] += (y - theta * (x - center)).tolist()
            xx += float(((x - x.mean()) ** 2).sum())
            xy += float(((x - x.mean()) * (y - y.mean())).sum())
        seen += [unit["x"] for unit in batch]
    assert row["fixed_estimate"] == pytest.approx(np.mean(adjusted[1]) - np.mean(adjusted[0]))
    assert row["variance_reduction"] > 0.2
    assert row["answer"] == "better"


@pytest.mark.services
@pytest.mark.xdist_group("services")
def test_a_late_value_restates_metrics_and_no_weights(isolated: Settings) -> None:
    shop = opened(isolated, control="item-0", metrics=METRICS)
    ids = [log(shop, number / 10, f"u{number}", arm=number % ARMS) for number in range(30)]
    reward(shop, 3, decision_id=ids[0], metrics={"spend": 5})
    ingest(shop)
    aggregate_experiment(shop, "shop")
    sums = "select statistics_hash, superseded_at is null as now from allot."
    weights_before = query(shop, sums + "batch_statistics")
    (first,) = query(shop, sums + "metric_batch")
    reward(shop, 4, decision_id=ids[0], metrics={"spend": 7})
    ingest(shop)
    (batch,) = due_batches(shop, _declared(shop))
    aggregate_batch(shop, "shop", batch)
    aggregate_batch(shop, "shop", batch)
    assert query(shop, sums + "batch_statistics") == weights_before
    known = query(shop, sums + "metric_batch order by first_observed_at")
    assert [row["now"] for row in known] == [False, True]
    assert known[0]["statistics_hash"] == first["statistics_hash"]
    added = query(
        shop,
        "select sum(sum_y) as spend from allot.metric_statistics natural join allot.metric_batch"
        " where metric = 'spend' and superseded_at is null",
    )
    assert added == [{"spend": 12.0}]


def _declared(settings: Settings) -> Any:
    from include.stores.reports.experiments import read

    with connect(settings) as connection:
        return read(connection, "shop").experiment


@pytest.mark.services
@pytest.mark.parametrize(
    "bad", ['{"a": "x"}', "[1]", "{}", '{"a": 1e13}', '{"A b": 1}', '{"a": null}', "3"]
)
def test_the_log_holds_nothing_but_named_numbers(database: Settings, bad: str) -> None:
    with connect(database) as connection:
        (held,) = connection.execute("select allot.are_named_numbers(%s::jsonb)", (bad,)).fetchone()  # type: ignore[misc]
        assert held is False
        many = json.dumps({f"m{number}": number for number in range(21)})
        (held,) = connection.execute(
            "select allot.are_named_numbers(%s::jsonb)", (many,)
        ).fetchone()  # type: ignore[misc]
        assert held is False
