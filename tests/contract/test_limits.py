"""Share limits as integer bucket bounds: by hand, then for any declaration."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from include.contract.limits import Bounds, additive_floor, bucket_bounds, within_shift
from include.contract.weights import BUCKETS
from include.errors import InfeasibleLimitsError
from include.experiments.schema import LimitsDeclaration

ARMS = ("a", "b", "c", "d")


def bounds(**limits: object) -> Bounds:
    return bucket_bounds(ARMS, "a", LimitsDeclaration.model_validate(limits))


def test_no_limits_leave_every_share_open() -> None:
    assert bounds() == Bounds((0,) * 4, (BUCKETS,) * 4)


def test_floors_are_rounded_up_and_caps_down() -> None:
    # 0.00123 · 10,000 = 12.3 → 13; 0.98765 · 10,000 = 9,876.5 → 9,876.
    assert bounds(probability_floor=0.00123, largest_share=0.98765) == Bounds(
        (13,) * 4, (9876,) * 4
    )


def test_the_decimal_that_was_written_is_meant() -> None:
    # In floats 0.07 · 10,000 = 700.0000000000001, whose ceiling is 701.
    assert bounds(probability_floor=0.07).lower == (700,) * 4
    # … and 0.29 · 10,000 = 2,899.9999999999995, whose floor is 2,899.
    assert bounds(largest_share=0.29).upper == (2900,) * 4


def test_reserved_and_control_raise_the_floor_of_their_arm_alone() -> None:
    found = bounds(probability_floor=0.01, control_floor=0.2, reserved={"c": 0.105})
    assert found.lower == (2000, 100, 1050, 100)


def test_uniform_slice_is_divided_by_the_arms() -> None:
    # s/K + (1 − s) f = 0.2/4 + 0.8 · 0.01 = 0.058
    limits = LimitsDeclaration(probability_floor=0.01, uniform_slice=0.2)
    assert additive_floor(limits, 4) == pytest.approx(0.058, abs=1e-15)
    assert bucket_bounds(ARMS, None, limits).lower == (580,) * 4


def test_a_wholly_uniform_slice_is_feasible_for_any_number_of_arms() -> None:
    for arms in (1, 2, 3, 7, 34, 80, 1999):
        named = [f"a{arm}" for arm in range(arms)]
        assert bucket_bounds(named, None, LimitsDeclaration(uniform_slice=1.0)).feasible


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"probability_floor": 0.3}, ["probability_floor", "12,000"]),
        ({"largest_share": 0.2}, ["largest_share", "8,000"]),
        ({"reserved": {"b": 0.7}, "largest_share": 0.5}, ["reserved.b", "largest_share", "'b'"]),
        ({"control_floor": 0.6, "reserved": {"b": 0.5}}, ["control_floor", "reserved.b", "11,000"]),
        ({"control_floor": 0.6, "largest_share": 0.5}, ["control_floor", "largest_share", "'a'"]),
    ],
)
def test_limits_that_clash_are_named(limits: dict[str, object], named: list[str]) -> None:
    with pytest.raises(InfeasibleLimitsError) as refused:
        bounds(**limits)
    assert all(name in str(refused.value) for name in named)


def test_limits_that_do_not_clash_are_not_named() -> None:
    with pytest.raises(InfeasibleLimitsError) as refused:
        bounds(reserved={"b": 0.6, "c": 0.6})
    assert "probability_floor" not in str(refused.value)


def test_a_control_floor_needs_a_control() -> None:
    with pytest.raises(InfeasibleLimitsError, match="control"):
        bucket_bounds(ARMS, None, LimitsDeclaration(control_floor=0.1))


def test_more_arms_than_buckets_are_refused() -> None:
    with pytest.raises(InfeasibleLimitsError, match="1,000,000 arms"):
        bucket_bounds(range(1_000_000), None, LimitsDeclaration())  # type: ignore[arg-type]


def test_one_arm_has_all_buckets() -> None:
    assert bucket_bounds(["only"], None, LimitsDeclaration(probability_floor=1.0)).lower == (
        BUCKETS,
    )


def test_shift_narrows_around_what_was_live() -> None:
    free = Bounds((100,) * 3, (BUCKETS,) * 3)
    narrowed, shift = within_shift(free, (5000, 4000, 1000), 0.05)
    assert shift == 500
    assert narrowed == Bounds((4500, 3500, 500), (5500, 4500, 1500))


def test_a_new_arm_enters_at_its_floor_however_small_the_shift() -> None:
    floors = Bounds((200,) * 3, (BUCKETS,) * 3)
    narrowed, shift = within_shift(floors, (5000, 5000, 0), 0.001)
    # The two others must give up 200 together: 100 each, not the 10 that were declared.
    assert shift == 100
    assert narrowed.lower == (4900, 4900, 200)


@given(
    st.lists(st.integers(0, 3000), min_size=2, max_size=6),
    st.lists(st.integers(0, BUCKETS), min_size=6, max_size=6),
    st.floats(0, 1),
)
def test_shifted_bounds_are_feasible_and_within_the_others(
    floors: list[int], cuts: list[int], shift: float
) -> None:
    assume(sum(floors) <= BUCKETS)
    arms = len(floors)
    edges = [0, *sorted(cuts[: arms - 1]), BUCKETS]
    live = [high - low for low, high in pairwise(edges)]
    base = Bounds(tuple(floors), (BUCKETS,) * arms)
    narrowed, allowed = within_shift(base, live, shift)
    assert narrowed.feasible
    assert all(low >= floor for low, floor in zip(narrowed.lower, floors, strict=True))
    if all(floor <= now for floor, now in zip(floors, live, strict=True)):
        # What was live respects all limits, so nothing had to be widened.
        assert allowed <= shift * BUCKETS + 1e-9
