"""Online FDR and the value that remains."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.inference.online_fdr import lord
from include.bandit.inference.potential_value import potential_value_remaining
from include.bandit.posterior import BetaPosterior, NormalPosterior


def test_levels_of_a_portfolio_without_discoveries_only_spend_the_wealth() -> None:
    found = lord(np.ones(2000))
    assert not found.discovery.any()
    assert found.level.sum() <= 0.025
    assert (np.diff(found.level[2:]) < 0).all()


def test_a_discovery_earns_levels_for_later() -> None:
    quiet = lord(np.array([1.0, 1.0, 1.0, 1.0]))
    lucky = lord(np.array([1.0, 1e-9, 1.0, 1.0]))
    assert lucky.discovery.tolist() == [False, True, False, False]
    assert np.array_equal(lucky.level[:2], quiet.level[:2])
    assert (lucky.level[2:] > quiet.level[2:]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=60))
def test_spent_levels_never_exceed_alpha_times_discoveries(p_values: list[float]) -> None:
    """LORD++'s estimate of the false discovery proportion, Σ α_j / (R ∨ 1) ≤ α, at every time."""
    found = lord(np.array(p_values))
    spent = np.cumsum(found.level)
    discovered = np.maximum(np.cumsum(found.discovery), 1)
    assert (spent <= 0.05 * discovered + 1e-12).all()


def test_false_discovery_rate_over_simulated_portfolios() -> None:
    rng = np.random.default_rng(51)
    proportions = []
    for _ in range(400):
        real = rng.random(60) < 0.3
        p = np.where(real, rng.beta(0.05, 5, 60), rng.random(60))
        found = lord(p).discovery
        proportions.append((found & ~real).sum() / max(found.sum(), 1))
    assert np.mean(proportions) - 2.33 * np.std(proportions) / 20 <= 0.05


@pytest.mark.parametrize("p_values", [[0.5, float("nan")], [-0.1], [1.1]])
def test_p_values_must_be_probabilities(p_values: list[float]) -> None:
    with pytest.raises(ValueError, match="p-values"):
        lord(np.array(p_values))


def test_no_experiments_are_no_discoveries() -> None:
    assert lord(np.array([])).discovery.shape == (0,)


def test_wealth_must_be_below_alpha() -> None:
    with pytest.raises(ValueError, match="wealth"):
        lord(np.array([0.5]), wealth=0.05)


def test_value_remaining_of_two_normals_is_a_normal_quantile() -> None:
    """θ₁ − θ₀ ~ N(0.1, 0.5): its 95 % quantile."""
    posterior = NormalPosterior(np.array([0.0, 0.1]), np.array([0.5, 0.5]))
    found = potential_value_remaining(posterior, leader=0)
    assert found == pytest.approx(0.1 + 1.6448536 * np.sqrt(0.5), rel=1e-3)


def test_a_sure_leader_leaves_nothing() -> None:
    posterior = BetaPosterior(np.array([100.0, 900.0]), np.array([900.0, 100.0]))
    assert potential_value_remaining(posterior, leader=1) == 0.0
    assert potential_value_remaining(posterior, leader=0) == pytest.approx(0.8, abs=0.05)


def test_a_leader_that_is_no_arm_is_an_error() -> None:
    posterior = BetaPosterior(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="leader"):
        potential_value_remaining(posterior, leader=2)
    with pytest.raises(ValueError, match="level"):
        potential_value_remaining(posterior, leader=0, level=1.0)
