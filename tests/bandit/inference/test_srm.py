"""Sample-ratio mismatch and the sum of inverse propensities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import beta as beta_function

from include.bandit.inference.propensity_sum import propensity_sum
from include.bandit.inference.srm import CONCENTRATION, sample_ratio
from include.bandit.simulation.batched import bernoulli_statistics
from include.bandit.statistics import ArmStatistics
from studies.table import Rate


def test_one_version_by_hand() -> None:
    """Half of the stake on starting now, half kept; BF = B(κ/2 + n)/B(κ/2, κ/2) 2^N."""
    units, shares = np.array([[130, 70]]), np.array([[0.5, 0.5]])
    half = CONCENTRATION / 2
    factor = beta_function(half + 130, half + 70) / beta_function(half, half) * 2.0**200
    found = sample_ratio(units, shares)
    assert found.p_value[0] == pytest.approx(1 / (0.5 * factor + 0.5), rel=1e-9)


def test_false_alarms_over_many_versions_are_rare() -> None:
    rng = np.random.default_rng(41)
    shares = rng.dirichlet(np.ones(4) * 3, (2000, 28))
    found = sample_ratio(rng.multinomial(500, shares), shares, alpha=0.05)
    assert Rate.of(found.mismatch[:, -1]).at_most(0.05)


def test_an_arm_that_loses_units_is_named() -> None:
    rng = np.random.default_rng(42)
    shares = np.tile([0.3, 0.3, 0.4], (10, 1))
    units = rng.multinomial(2000, shares)
    units[4:, 1] = rng.binomial(units[4:, 1], 0.8)
    found = sample_ratio(units, shares)
    assert not found.mismatch[3]
    assert found.mismatch[-1]
    assert found.arm[-1] == 1
    assert found.excess[-1, 1] < 0


def test_a_stale_cache_is_caught() -> None:
    """A quarter of the traffic still at ½ : ½ while the published shares went to 9 : 1."""
    rng = np.random.default_rng(43)
    shares = np.array([[0.5, 0.5]] * 3 + [[0.9, 0.1]] * 4)
    served = 0.75 * shares + 0.25 * 0.5
    found = sample_ratio(rng.multinomial(2000, served), shares)
    assert found.mismatch[-1]
    assert not found.mismatch[2]


def test_an_arm_without_a_share_has_no_units() -> None:
    shares = np.array([[1.0, 0.0], [1.0, 0.0]])
    clean = sample_ratio(np.array([[50, 0], [60, 0]]), shares)
    assert (clean.p_value == 1.0).all()
    broken = sample_ratio(np.array([[50, 0], [60, 1]]), shares)
    assert broken.p_value[1] == 0.0
    assert broken.mismatch[1]


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(1, 6), st.integers(0, 10**9), st.integers(0, 2**31))
def test_p_values_never_rise_and_are_numbers(
    arms: int, versions: int, traffic: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(arms), versions)
    found = sample_ratio(rng.multinomial(traffic, rng.dirichlet(np.ones(arms), versions)), shares)
    assert ((found.p_value >= 0) & (found.p_value <= 1)).all()
    assert (np.diff(found.p_value) <= 0).all()
    assert np.isfinite(found.excess).all()


@pytest.mark.parametrize(
    ("units", "shares", "words"),
    [
        ([[1, -1]], [[0.5, 0.5]], "negative"),
        ([[1, 1]], [[0.5, 0.6]], "sum to 1"),
        ([[1, 1]], [[0.5, float("nan")]], "share"),
        ([[1]], [[1.0]], "arms"),
        ([[1, 1]], [[0.5, 0.25, 0.25]], "shape"),
    ],
)
def test_bad_counts_and_shares_are_errors(
    units: list[list[int]], shares: list[list[float]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        sample_ratio(np.array(units), np.array(shares))


def test_sum_of_inverse_propensities_is_the_number_of_rows() -> None:
    rng = np.random.default_rng(44)
    shares = rng.dirichlet(np.ones(3) * 5, (1500, 20))
    n = rng.multinomial(1000, shares)
    statistics = bernoulli_statistics(n, rng.binomial(n, 0.1), shares)
    found = propensity_sum(statistics, alpha=0.05)
    assert Rate.of(found.mismatch.any(axis=(1, 2))).at_most(0.05)
    assert np.allclose(found.ratio[:, -1].mean(axis=0), 1.0, atol=0.01)


def test_propensities_that_were_not_used_are_noticed() -> None:
    """Logged ½ : ½, assigned 0.55 : 0.45."""
    rng = np.random.default_rng(45)
    n = rng.multinomial(2000, [0.55, 0.45], size=10)
    statistics = bernoulli_statistics(n, np.zeros_like(n), np.full((10, 2), 0.5))
    assert propensity_sum(statistics).mismatch[-1].all()


def test_one_tiny_propensity_makes_the_check_unknown() -> None:
    shares = np.array([[1 - 1e-6, 1e-6]])
    statistics = bernoulli_statistics(np.array([[1000, 1]]), np.zeros((1, 2), int), shares)
    found = propensity_sum(statistics)
    assert found.known.tolist() == [[True, False]]
    assert not found.mismatch[0, 1]


def test_no_rows_are_unknown() -> None:
    found = propensity_sum(ArmStatistics.zeros((3, 2)))
    assert not found.known.any()
    assert not found.mismatch.any()
