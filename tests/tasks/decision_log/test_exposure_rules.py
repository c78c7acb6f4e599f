"""Which decisions were shown, by hand and by law; and what counting the others would do."""

from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.inference.srm import sample_ratio
from include.experiments.exposure import Exposure
from include.stores.lake.silver import counted
from include.tasks.decision_log.aggregate import unit_sums
from include.tasks.decision_log.exposure import with_exposed

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
RULE = Exposure(window=timedelta(hours=1))
MINUTES = st.integers(-90, 90)


def decisions(*minutes: int) -> pl.DataFrame:
    times = [NOON + timedelta(minutes=minute) for minute in minutes]
    names = [f"d{place}" for place in range(len(minutes))]
    return pl.DataFrame({"decision_id": names, "decided_at": times}).with_columns(
        pl.col("decided_at").cast(pl.Datetime("us", "UTC"))
    )


def exposures(*given: tuple[str, int]) -> pl.DataFrame:
    told = [(name, NOON + timedelta(minutes=minute)) for name, minute in given]
    schema = [("decision_id", pl.String()), ("occurred_at", pl.Datetime("us", "UTC"))]
    return pl.DataFrame(told, schema=schema, orient="row")


def exposed(made: pl.DataFrame, told: pl.DataFrame) -> list[bool]:
    return with_exposed(made, told, RULE)["exposed"].to_list()


def test_the_window_begins_with_the_decision_and_a_clock_may_lie_behind() -> None:
    for minute, counts in ((-60, False), (-59, True), (0, True), (60, True), (61, False)):
        assert exposed(decisions(0), exposures(("d0", minute))) == [counts], minute
    assert exposed(decisions(0, 5), exposures(("d1", 6), ("elsewhere", 1))) == [False, True]
    assert with_exposed(decisions(0), exposures(), None)["exposed"].to_list() == [None]


@given(
    st.lists(MINUTES, min_size=1, max_size=6),
    st.lists(st.tuples(st.sampled_from([f"d{n}" for n in range(8)]), MINUTES), max_size=12),
    st.randoms(),
)
def test_neither_order_nor_repeats_matter_and_more_exposures_hide_nothing(
    minutes: list[int], told: list[tuple[str, int]], random: Random
) -> None:
    made = decisions(*minutes)
    found = exposed(made, exposures(*told))
    by_hand = [
        any(name == f"d{place}" and -60 < at - minute <= 60 for name, at in told)
        for place, minute in enumerate(minutes)
    ]
    assert found == by_hand
    again = [*told, *told]
    random.shuffle(again)
    assert exposed(made, exposures(*again)) == found
    more = exposed(made, exposures(*told, ("d0", minutes[0])))
    assert all(after or not before for before, after in zip(found, more, strict=True))
    assert more[0]


def effect(rows: pl.DataFrame) -> tuple[float, float]:
    """Return the difference of the two arms' means with its standard error, from the sums."""
    sums = {row.arm: row for row in unit_sums(rows)}
    means = {arm: row.sum_r / row.n for arm, row in sums.items()}
    spread = sum(means[arm] * (1 - means[arm]) / row.n for arm, row in sums.items())
    return means[1] - means[0], float(np.sqrt(spread))


def mismatch(rows: pl.DataFrame) -> bool:
    """Tell whether the units that count did not arrive half and half, as the sequential test."""
    units = {row.arm: row.n for row in unit_sums(rows)}
    found = sample_ratio(np.array([[units[0], units[1]]]), np.array([[0.5, 0.5]]))
    return bool(found.mismatch[-1])


@pytest.mark.parametrize("shown", [0.9, 0.5, 0.2])
def test_counting_what_was_not_shown_dilutes_an_effect_that_the_shown_ones_tell(
    shown: float,
) -> None:
    """Of two arms with rates 0.2 and 0.5 where shown, and 0.1 for both where they were not."""
    generator = np.random.default_rng(7)
    size, half = 60_000, np.repeat([0, 1], 30_000)
    seen = generator.random(size) < shown
    rate = np.where(seen, np.where(half == 1, 0.5, 0.2), 0.1)
    rows = pl.DataFrame(
        {
            "behavior_policy": "v1", "cell": "*", "position": 0, "arm": half, "pscore": 0.5,
            "unit": [f"u{number}" for number in range(size)],
            "reward": (generator.random(size) < rate).astype(float), "exposed": seen,
        }
    )  # fmt: skip
    counts = counted(rows.lazy()).collect()
    assert not mismatch(counts)
    told, error = effect(counts)
    assert told == pytest.approx(0.3, abs=4 * error)
    diluted, error = effect(rows)
    assert diluted == pytest.approx(0.3 * shown, abs=4 * error)
    assert diluted < told - 4 * error


def test_where_being_shown_depends_on_the_outcome_and_the_arm_the_shown_ones_mislead() -> None:
    """The arms do the same, but one shows only its best units: the sample ratio gives it away."""
    generator = np.random.default_rng(7)
    size, arm = 40_000, np.repeat([0, 1], 20_000)
    keen = generator.random(size) < 0.5
    reward = (generator.random(size) < np.where(keen, 0.6, 0.2)).astype(float)
    seen = np.where(arm == 1, keen, True)
    rows = pl.DataFrame(
        {
            "behavior_policy": "v1", "cell": "*", "position": 0, "arm": arm, "pscore": 0.5,
            "unit": [f"u{number}" for number in range(size)], "reward": reward, "exposed": seen,
        }
    )  # fmt: skip
    counts = counted(rows.lazy()).collect()
    told, error = effect(counts)
    assert told > 10 * error
    assert mismatch(counts)
    assert not mismatch(rows)
    made, error = effect(rows)
    assert abs(made) < 4 * error


def test_rows_of_a_table_from_before_all_count() -> None:
    rows = pl.DataFrame({"arm": [0, 1]})
    assert counted(rows.lazy()).collect().equals(rows)
    held = rows.with_columns(exposed=pl.Series([None, None], dtype=pl.Boolean))
    assert counted(held.lazy()).collect().height == 2
    assert unit_sums(_nothing()) == []


def _nothing() -> pl.DataFrame:
    schema = {
        "behavior_policy": pl.String, "cell": pl.String, "position": pl.Int8, "arm": pl.Int16,
        "pscore": pl.Float64, "unit": pl.String, "reward": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(schema=schema)
