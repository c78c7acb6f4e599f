"""Projection onto the constrained simplex: by hand, optimality, idempotence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.projection import project
from include.bandit.statistics import FloatArray


def test_what_is_allowed_stays() -> None:
    shares = np.array([0.2, 0.3, 0.5])
    assert project(shares, np.zeros(3), np.ones(3)) == pytest.approx(shares, abs=1e-15)


def test_a_capped_arm_gives_alike_to_the_others() -> None:
    found = project(np.array([0.7, 0.2, 0.1]), np.zeros(3), np.full(3, 0.5))
    assert found == pytest.approx([0.5, 0.3, 0.2], abs=1e-15)


def test_a_floor_is_paid_alike_by_those_above_theirs() -> None:
    found = project(np.array([0.9, 0.1, 0.0]), np.array([0, 0, 0.06]), np.ones(3))
    assert found == pytest.approx([0.87, 0.07, 0.06], abs=1e-15)


def test_bounds_that_leave_one_point_give_it() -> None:
    bounds = np.array([0.25, 0.75])
    assert project(np.array([1.0, 0.0]), bounds, bounds) == pytest.approx(bounds, abs=1e-15)


def test_bounds_that_exclude_everything_are_refused() -> None:
    with pytest.raises(ValueError, match="floors and caps"):
        project(np.array([0.5, 0.5]), np.array([0.6, 0.6]), np.ones(2))
    with pytest.raises(ValueError, match="floors and caps"):
        project(np.array([0.5, 0.5]), np.zeros(2), np.full(2, 0.4))


@st.composite
def problems(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, FloatArray]:
    arms = draw(st.integers(1, 12))

    def array(low: float, high: float) -> FloatArray:
        return np.array(draw(st.lists(st.floats(low, high), min_size=arms, max_size=arms)))

    raw = array(0, 1) + 1e-3
    return raw / raw.sum(), array(0, 1 / arms), array(1 / arms, 1)


@given(problems())
def test_the_projection_is_allowed_and_nearest(
    problem: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    shares, lower, upper = problem
    found = project(shares, lower, upper)
    assert found.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.all((found >= lower) & (found <= upper))
    # Karush–Kuhn–Tucker: one level for all arms between their bounds; those at a floor wanted
    # less than it, those at a cap more; an arm whose floor is its cap has no say.
    gap = shares - found
    inside = (found > lower) & (found < upper)
    free = lower < upper
    at_floor, at_cap = (found <= lower) & free, (found >= upper) & (found > lower)
    lowest = gap[inside | at_cap].min(initial=np.inf)
    highest = gap[inside | at_floor].max(initial=-np.inf)
    if np.any(inside):
        assert np.ptp(gap[inside]) < 1e-9
        assert highest <= gap[inside].max() + 1e-9
        assert lowest >= gap[inside].min() - 1e-9


@given(problems())
def test_projecting_twice_changes_nothing(
    problem: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    shares, lower, upper = problem
    once = project(shares, lower, upper)
    assert project(once, lower, upper) == pytest.approx(once, abs=1e-9)


@given(problems())
def test_the_order_of_arms_is_kept_where_bounds_are_alike(
    problem: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    shares, lower, upper = problem
    low, high = np.full_like(shares, lower.min()), np.full_like(shares, upper.max())
    found = project(shares, low, high)[np.argsort(shares, kind="stable")]
    assert np.all(np.diff(found) >= -1e-12)
