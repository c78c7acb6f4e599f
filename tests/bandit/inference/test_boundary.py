"""The boundary: closed forms against simulation, and the laws that a boundary obeys."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.inference.boundary import Boundary, crossing_probability

ONE = np.ones((1, 1))


def test_plain_mixture_is_the_limit_of_a_start_at_nothing() -> None:
    """Ville's threshold 1/α comes back as V₀ → 0: √((V+ρ) log((V+ρ)/(ρα²)))."""
    boundary = Boundary(tuned=5.0, start=1e-9, looks="continuous")
    rho = boundary.rho(0.05)
    radius = boundary.radius(np.array([[7.0]]), ONE, 0.05)
    by_hand = np.sqrt((7 + rho) * np.log((7 + rho) / (rho * 0.05**2)))
    assert radius[0, 0] == pytest.approx(by_hand, rel=1e-6)


def test_crossing_probability_against_brownian_paths() -> None:
    """Half of a million steps: a fine walk crosses the boundary in at most α of paths, nearly."""
    rng = np.random.default_rng(7)
    boundary = Boundary(tuned=3.0, start=1.0, looks="continuous")
    times = np.geomspace(1.0, 200.0, 600)
    steps = np.sqrt(np.diff(times, prepend=0.0))
    paths = np.cumsum(rng.standard_normal((8000, 600)) * steps, axis=1)
    radius = boundary.radius(times[:, None], ONE, 0.05)[:, 0]
    crossed = (np.abs(paths) >= radius).any(axis=1).mean()
    assert 0.030 < crossed < 0.052  # the rest of α belongs to V > 200 and to what steps hide


def test_batch_looks_spend_what_continuous_looks_leave() -> None:
    rng = np.random.default_rng(8)
    paths = np.cumsum(rng.standard_normal((20_000, 28)), axis=1)
    times = np.arange(1.0, 29.0)[:, None]
    fired = {
        looks: (np.abs(paths) >= Boundary(looks=looks).radius(times, ONE, 0.05)[:, 0])
        .any(axis=1)
        .mean()
        for looks in ("continuous", "batches")
    }
    assert fired["continuous"] < fired["batches"] < 0.05


def test_nothing_is_said_before_the_start() -> None:
    radius = Boundary(start=3.0).radius(np.array([[1.0], [2.9], [3.0]]), ONE, 0.05)[:, 0]
    assert np.isinf(radius[:2]).all()
    assert np.isfinite(radius[2])


def test_no_information_gives_no_interval_and_a_p_value_of_one() -> None:
    boundary, nothing = Boundary(), np.zeros((3, 1))
    assert np.isinf(boundary.radius(nothing, nothing[:1], 0.05)).all()
    assert (boundary.p_value(nothing, nothing, nothing[:1], 0.05) == 1.0).all()


@settings(deadline=None)
@given(
    st.lists(st.floats(-30, 30), min_size=2, max_size=20),
    st.floats(0.001, 0.2),
    st.floats(0.5, 50),
    st.floats(0.5, 10),
)
def test_p_value_falls_below_alpha_exactly_when_zero_is_excluded(
    moves: list[float], alpha: float, tuned: float, start: float
) -> None:
    boundary = Boundary(tuned=tuned, start=start)
    path = np.cumsum(moves)[:, None]
    times = np.arange(1.0, len(moves) + 1)[:, None]
    p_value = boundary.p_value(path, times, ONE, alpha)[:, 0]
    gap = np.abs(path) - boundary.radius(times, ONE, alpha)
    excluded = np.maximum.accumulate(gap[:, 0] >= 0)
    clear = np.abs(gap[:, 0]) > 1e-6
    assert np.all(np.diff(p_value) <= 0)
    if clear.all():
        assert np.array_equal(p_value <= alpha, excluded)


@settings(deadline=None)
@given(st.floats(0.01, 0.99), st.floats(-5, 20))
def test_crossing_probability_is_a_probability_and_falls(share: float, log_c: float) -> None:
    here, further = crossing_probability(log_c, share), crossing_probability(log_c + 0.1, share)
    assert 0.0 <= further <= here <= 1.0


@settings(deadline=None)
@given(st.floats(1e-6, 0.3), st.floats(0.1, 100))
def test_smaller_errors_need_wider_intervals(alpha: float, information: float) -> None:
    boundary, at = Boundary(start=0.05), np.array([[information]])
    assert boundary.radius(at, ONE, alpha / 2) > boundary.radius(at, ONE, alpha)


def test_scale_does_not_matter() -> None:
    """Rewards in cents or euros: V scales, the boundary with its root."""
    boundary, at = Boundary(), np.array([[2.0], [9.0], [30.0]])
    scaled = boundary.radius(at * 1e4, ONE * 1e4, 0.05)
    assert np.allclose(scaled, 100 * boundary.radius(at, ONE, 0.05))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_alpha_must_be_a_probability(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        Boundary().radius(ONE, ONE, alpha)


@pytest.mark.parametrize("field", ["tuned", "start"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_boundary_needs_positive_numbers(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        Boundary(tuned=value) if field == "tuned" else Boundary(start=value)
