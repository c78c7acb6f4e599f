"""Largest remainders within bounds: by hand, then for any shares."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.contract.limits import Bounds
from include.contract.rounding import default_buckets, round_shares
from include.contract.weights import BUCKETS

FREE = Bounds((0,) * 3, (BUCKETS,) * 3)


def test_by_hand() -> None:
    # 3,333.4 + 3,333.35 + 3,333.25: one bucket is missing, the first lacks most.
    assert round_shares([0.33334, 0.333335, 0.333325], FREE) == (3334, 3333, 3333)


def test_ties_go_to_the_lower_index() -> None:
    assert round_shares([1 / 3] * 3, FREE) == (3334, 3333, 3333)
    assert round_shares([0.33335, 0.3333, 0.33335], FREE) == (3334, 3333, 3333)


def test_float_noise_is_no_reason() -> None:
    noisy = [1 / 3 - 1e-14, 1 / 3, 1 / 3 + 1e-14]
    assert round_shares(noisy, FREE) == (3334, 3333, 3333)


def test_a_remainder_never_lifts_an_arm_above_its_cap() -> None:
    capped = Bounds((0,) * 3, (3333, BUCKETS, BUCKETS))
    assert round_shares([0.33335, 0.33335, 0.3333], capped) == (3333, 3334, 3333)


def test_a_surplus_is_taken_above_the_floors() -> None:
    # Floors lift the last arm by 99 buckets; the first exceeds its share just as little as the
    # second, so both give alike, the lower index first.
    floors = Bounds((0, 0, 100), (BUCKETS,) * 3)
    assert round_shares([0.5, 0.4999, 0.0001], floors) == (4950, 4950, 100)


def test_whole_buckets_are_kept() -> None:
    assert round_shares([0.02, 0.29, 0.69], FREE) == (200, 2900, 6900)


@pytest.mark.parametrize(
    "shares", [[math.nan, 0.5, 0.5], [math.inf, 0, 0], [-0.1, 0.6, 0.5], [0.1, 0.1, 0.1], [1.0]]
)
def test_what_is_no_distribution_is_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="share"):
        round_shares(shares, FREE)


def test_bounds_that_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="feasible"):
        round_shares([1 / 3] * 3, Bounds((0,) * 3, (100,) * 3))


def test_default_shares_are_what_was_declared() -> None:
    arms = ("a", "b", "c")
    assert default_buckets(arms, None, FREE) == (3334, 3333, 3333)
    assert default_buckets(arms, {"a": 0.2, "c": 0.8}, FREE) == (2000, 0, 8000)


@pytest.mark.parametrize("declared", [{"a": 0.5, "b": 0.4}, {"a": 0.9, "b": 0.1}])
def test_default_shares_that_are_no_shares_or_break_limits_are_refused(
    declared: dict[str, float],
) -> None:
    with pytest.raises(ValueError, match="default_shares"):
        default_buckets(("a", "b"), declared, Bounds((0, 1500), (BUCKETS,) * 2))


@st.composite
def shares_and_bounds(draw: st.DrawFn) -> tuple[list[float], Bounds]:
    arms = draw(st.integers(1, 40))
    raw = draw(st.lists(st.floats(0, 1), min_size=arms, max_size=arms))
    raw[draw(st.integers(0, arms - 1))] += 0.5
    floors = draw(st.lists(st.integers(0, BUCKETS // arms), min_size=arms, max_size=arms))
    least_cap = math.ceil(BUCKETS / arms)
    caps = draw(st.lists(st.integers(least_cap, BUCKETS), min_size=arms, max_size=arms))
    return [value / math.fsum(raw) for value in raw], Bounds(tuple(floors), tuple(caps))


@given(shares_and_bounds())
def test_every_bound_holds_for_any_input(case: tuple[list[float], Bounds]) -> None:
    shares, bounds = case
    buckets = round_shares(shares, bounds)
    assert sum(buckets) == BUCKETS
    ends = zip(bounds.lower, buckets, bounds.upper, strict=True)
    assert all(low <= count <= high for low, count, high in ends)


@given(shares_and_bounds())
def test_without_bounds_no_arm_is_a_whole_bucket_off(case: tuple[list[float], Bounds]) -> None:
    shares, _ = case
    buckets = round_shares(shares, Bounds((0,) * len(shares), (BUCKETS,) * len(shares)))
    assert all(
        abs(count - share * BUCKETS) < 1 + 1e-6
        for count, share in zip(buckets, shares, strict=True)
    )
