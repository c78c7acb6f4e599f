"""Checks across blocks see the same whatever the blocks."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from include.expectations.stream import IDENTITY, StreamChecks

START = datetime(2019, 11, 24, tzinfo=UTC)
FLAGS = ["repeats", "in_order", "index_rises", "on_grid"]


def frame(minutes: list[int], index: list[int | None] | None = None) -> pl.DataFrame:
    rows = len(minutes)
    return pl.DataFrame(
        {
            "row_index": pl.Series(index or list(range(rows)), dtype=pl.Int64),
            "decided_at": [START + timedelta(minutes=minute) for minute in minutes],
            "item_id": [1] * rows,
            "position": [1] * rows,
            "click": [0.0] * rows,
            "propensity_score": [0.02] * rows,
            **{name: pl.Series(["a"] * rows, dtype=pl.Categorical) for name in IDENTITY[5:]},
        },
        schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
    )


def flags(rows: pl.DataFrame, size: int) -> pl.DataFrame:
    checks = StreamChecks(50)
    return pl.concat([checks.annotate(part).select(FLAGS) for part in rows.iter_slices(size)])


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_flags_do_not_depend_on_the_blocks(size: int) -> None:
    rows = frame([0, 1, 2, 1, 5, 0, 9, 9], [0, 1, 2, 2, None, 4, 3, 8])
    found = flags(rows, size)
    assert found["repeats"].to_list() == [False, False, False, True, False, True, False, True]
    assert found["in_order"].to_list() == [True, True, True, False, True, False, True, True]
    assert found["index_rises"].to_list() == [True, True, True, False, True, True, False, True]


def test_another_click_is_another_decision() -> None:
    rows = frame([0, 0]).with_columns(pl.Series("click", [0.0, 1.0]))
    assert flags(rows, 2)["repeats"].to_list() == [False, False]


def test_the_grid_of_bts() -> None:
    rows = frame([0, 1, 2]).with_columns(
        pl.Series("propensity_score", [0.045525, 1e-6, 8.499999999999999e-05])
    )
    assert flags(rows, 2)["on_grid"].to_list() == [True, False, True]


def test_mean_weight_over_accepted_rows() -> None:
    checks = StreamChecks(4)
    checks.accept(np.array([0.25, 0.25]))
    checks.accept(np.array([0.125]))
    assert checks.mean_weight() == pytest.approx(4 / 3)
