"""Every limit after rounding, for any proposal and any declaration."""

from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from include.bandit.limiting import additive, apply_limits
from include.contract.limits import within_shift
from include.contract.rounding import round_shares
from include.contract.weights import BUCKETS
from include.errors import InfeasibleLimitsError
from include.experiments.schema import Experiment
from tests.support.sums import declare


def limited(
    proposed: list[float], live: list[int | None] | None = None, **limits: Any
) -> tuple[dict[str, tuple[float, ...]], tuple[int, ...]]:
    declared = declare(len(proposed), control="item-0", limits=limits)
    steps, buckets = apply_limits(np.array(proposed), declared, live)
    return {step.limit: step.shares for step in steps}, buckets


def test_without_limits_the_proposal_is_rounded() -> None:
    steps, buckets = limited([0.123456, 0.876544])
    assert buckets == (1235, 8765)
    assert list(steps) == ["buckets"]


def test_the_floor_is_additive() -> None:
    # f + (1 − Kf) w with f = 0.05, K = 4: 0.05 + 0.8 w
    steps, buckets = limited([1.0, 0.0, 0.0, 0.0], probability_floor=0.05)
    assert steps["probability_floor"] == pytest.approx((0.85, 0.05, 0.05, 0.05), abs=1e-15)
    assert buckets == (8500, 500, 500, 500)


def test_floor_and_slice_hold_together() -> None:
    # s/K + (1 − s)(f + (1 − Kf) w), s = 0.2: 0.05 + 0.8 · (0.85 | 0.05)
    steps, buckets = limited([1.0, 0, 0, 0], probability_floor=0.05, uniform_slice=0.2)
    assert steps["uniform_slice"] == pytest.approx((0.73, 0.09, 0.09, 0.09), abs=1e-15)
    assert buckets == (7300, 900, 900, 900)


def test_each_limit_in_turn_by_hand() -> None:
    steps, buckets = limited(
        [0.0, 0.9, 0.1],
        live=[3000, 4000, 3000],
        control_floor=0.1,
        reserved={"item-2": 0.2},
        largest_share=0.6,
        largest_shift=0.15,
    )
    assert list(steps) == ["reserved", "control_floor", "largest_share", "largest_shift", "buckets"]
    # Reserving 0.2 for the last takes 0.1 from those above their floor: only the second.
    assert steps["reserved"] == pytest.approx((0.0, 0.8, 0.2), abs=1e-12)
    assert steps["control_floor"] == pytest.approx((0.1, 0.7, 0.2), abs=1e-12)
    # Capped at 0.6: the rest is shared as near as possible to (0, 0.1) above floors (0.1, 0.2).
    assert steps["largest_share"] == pytest.approx((0.15, 0.6, 0.25), abs=1e-12)
    assert steps["largest_shift"] == pytest.approx((0.175, 0.55, 0.275), abs=1e-12)
    assert buckets == (1750, 5500, 2750)


def test_a_shift_that_other_limits_cannot_bear_is_widened_and_says_so() -> None:
    declared = declare(3, limits={"probability_floor": 0.02, "largest_shift": 0.001})
    steps, buckets = apply_limits(np.array([0.5, 0.5, 0.0]), declared, [5000, 5000, None])
    assert buckets == (4900, 4900, 200)
    shift = next(step for step in steps if step.limit == "largest_shift")
    assert "widened to 0.01" in shift.explanation


def test_a_step_says_what_it_moved() -> None:
    declared = declare(3, limits={"largest_share": 0.6})
    steps, _ = apply_limits(np.array([1.0, 0.0, 0.0]), declared, None)
    assert steps[0].explanation == (
        "moved item-0 1.0000 → 0.6000, item-1 0.0000 → 0.2000, item-2 0.0000 → 0.2000"
    )
    assert steps[1].explanation == "moved nothing"


@st.composite
def any_limits(draw: st.DrawFn, arms: int) -> dict[str, Any]:
    share = st.floats(0, 1).map(lambda value: round(value, draw(st.integers(1, 6))))
    return {
        "probability_floor": round(draw(st.floats(0, 0.6 / arms)), 4),
        "uniform_slice": draw(share),
        "largest_share": round(draw(st.floats(0.55, 1)), 5),
        "largest_shift": draw(share),
        "control_floor": draw(share) / 4,
        "reserved": {"item-1": draw(share) / 4},
    }


@st.composite
def cases(draw: st.DrawFn) -> tuple[Experiment, list[float], list[int]]:
    arms = draw(st.integers(2, 7))
    limits = draw(any_limits(arms))
    try:
        declared = declare(arms, control="item-0", limits=limits)
    except InfeasibleLimitsError:
        assume(False)
        raise
    raw = draw(st.lists(st.floats(0, 1), min_size=arms, max_size=arms))
    raw[draw(st.integers(0, arms - 1))] += 0.01
    live = draw(st.lists(st.floats(0.001, 1), min_size=arms, max_size=arms))
    shares = [value / sum(live) for value in live]
    return (
        declared,
        [value / sum(raw) for value in raw],
        list(round_shares(shares, declared.bucket_bounds())),
    )


@given(cases())
def test_every_limit_holds_after_rounding(case: tuple[Experiment, list[float], list[int]]) -> None:
    declared, proposed, live = case
    steps, buckets = apply_limits(np.array(proposed), declared, live)
    limits = declared.limits
    assert sum(buckets) == BUCKETS
    assert min(buckets) >= ceil(limits.probability_floor * BUCKETS - 1e-6)
    assert min(buckets) >= floor(limits.uniform_slice / len(buckets) * BUCKETS)
    assert max(buckets) <= floor(limits.largest_share * BUCKETS + 1e-6)
    assert buckets[0] >= ceil(limits.control_floor * BUCKETS - 1e-6)
    assert buckets[1] >= ceil(limits.reserved["item-1"] * BUCKETS - 1e-6)
    # What was live respects the other limits here, so the shift need not be widened.
    moved = max(abs(new - old) for new, old in zip(buckets, live, strict=True))
    assert moved <= limits.largest_shift * BUCKETS + 1e-6
    assert within_shift(declared.bucket_bounds(), live, limits.largest_shift)[0].feasible
    assert all(np.isfinite(step.shares).all() for step in steps)
    assert all(sum(step.shares) == pytest.approx(1.0, abs=1e-9) for step in steps)


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30).filter(lambda raw: sum(raw) > 0),
    st.floats(0, 1),
)
def test_the_floor_identity(raw: list[float], part: float) -> None:
    shares = np.array(raw) / sum(raw)
    arms, f = shares.size, part / shares.size
    found = additive(shares, f)
    assert found == pytest.approx([f + (1 - arms * f) * share for share in shares], abs=1e-15)
    assert found.min() >= f - 1e-15
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=20)
@given(cases())
def test_equal_inputs_give_equal_bytes(case: tuple[Experiment, list[float], list[int]]) -> None:
    declared, proposed, live = case
    once = apply_limits(np.array(proposed), declared, live)
    assert once == apply_limits(np.array(proposed), declared, live)
