"""The observation is a unit: by hand."""

from typing import Any

import polars as pl

from include.bandit.priors import check_evidence
from include.experiments.schema import Reward
from include.tasks.decision_log.aggregate import unit_sums

ROWS = {"behavior_policy": "v1", "cell": "*", "position": 0, "arm": 0, "pscore": 0.25}


def rows(*given: tuple[str | None, float], **changes: Any) -> pl.DataFrame:
    return pl.DataFrame(
        [{**ROWS, **changes, "unit": unit, "reward": reward} for unit, reward in given],
        schema_overrides={"unit": pl.String},
    )


def test_rewards_of_a_unit_are_summed_and_its_decisions_kept_beside() -> None:
    (row,) = unit_sums(rows(("a", 1.0), ("a", 1.0), ("a", 0.0), ("b", 0.0), ("b", 1.0)))
    assert (row.n, row.decisions, row.sum_r, row.sum_r2) == (2, 5, 3.0, 5.0)
    assert (row.sum_ip, row.sum_ip2, row.sum_r_ip, row.sum_r_ip2) == (8.0, 32.0, 12.0, 48.0)
    assert row.sum_r2_ip2 == 5 * 16


def test_a_decision_without_a_unit_is_one_observation() -> None:
    (row,) = unit_sums(rows((None, 1.0), (None, 1.0), (None, 0.0)))
    assert (row.n, row.decisions, row.sum_r) == (3, 3, 2.0)


def test_versions_cells_positions_and_arms_are_kept_apart() -> None:
    parts = [rows(("a", 1.0)), *(rows(("a", 1.0), **change) for change in (
        {"behavior_policy": "v2"}, {"cell": "north"}, {"position": 1}, {"arm": 1}))]  # fmt: skip
    found = unit_sums(pl.concat(parts, how="vertical_relaxed"))
    places = {(row.version, row.cohort, row.position, row.arm) for row in found}
    assert len(places) == len(found) == 5


def test_sums_do_not_depend_on_the_order_of_rows() -> None:
    frame = rows(*((f"u{number % 7}", 0.1 * number) for number in range(100)))
    assert unit_sums(frame) == unit_sums(frame.sample(fraction=1.0, shuffle=True, seed=1))


def test_a_posterior_per_decision_takes_units_that_were_rewarded_twice() -> None:
    from include.bandit.evidence import Evidence
    from include.stores.reports.batches import _per_decision

    (row,) = unit_sums(rows(("a", 1.0), ("a", 1.0)))
    counted = _per_decision(row)
    sums = [pl.Series([value]).to_numpy() for value in (counted.n, counted.sum_r, counted.sum_r2)]
    check_evidence(Evidence(*(each.astype(float) for each in sums)), Reward())
    assert (counted.n, counted.sum_ip) == (2, 8.0)
