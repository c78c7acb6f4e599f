"""Methods for one fixed look: naive, BOLS, weighted AIPW, by hand and over many runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.inference.aw_aipw import aw_aipw
from include.bandit.inference.bols import bols
from include.bandit.inference.interval import FixedTime
from include.bandit.inference.naive import naive
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, bernoulli_statistics, run
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import ArmStatistics
from studies.table import Rate

PAIR = ((1, 0),)


def test_naive_is_welch() -> None:
    """50/1000 and 60/1000: 0.01, √(.05·.95/999 + .06·.94/999)."""
    shares = np.full((1, 2), 0.5)
    found = naive(
        bernoulli_statistics(np.array([[1000, 1000]]), np.array([[50, 60]]), shares), PAIR
    )
    assert found.estimate[0] == pytest.approx(0.01)
    assert found.standard_error[0] == pytest.approx(
        np.sqrt((0.05 * 0.95 + 0.06 * 0.94) / 999), rel=1e-12
    )


def test_bols_by_hand() -> None:
    """Two batches: Δ̂ = Σ Δ_t/s_t / Σ 1/s_t, standard error √2 / Σ 1/s_t."""
    n, won = np.array([[100, 100], [180, 20]]), np.array([[10, 20], [18, 5]])
    found = bols(bernoulli_statistics(n, won, n / 200), PAIR)
    v0, v1 = 28 / 280 * (1 - 28 / 280), 25 / 120 * (1 - 25 / 120)
    s = np.sqrt(v0 / n[:, 0] + v1 / n[:, 1])
    differences = won[:, 1] / n[:, 1] - won[:, 0] / n[:, 0]
    assert found.estimate[0] == pytest.approx(np.sum(differences / s) / np.sum(1 / s), rel=1e-12)
    assert found.standard_error[0] == pytest.approx(np.sqrt(2) / np.sum(1 / s), rel=1e-12)


def test_one_batch_makes_all_methods_agree() -> None:
    shares = np.full((1, 2), 0.5)
    statistics = bernoulli_statistics(np.array([[5000, 5000]]), np.array([[250, 300]]), shares)
    all_three = [naive(statistics, PAIR), bols(statistics, PAIR)]
    all_three.append(aw_aipw(statistics, PAIR, shares=shares))
    for found in all_three:
        assert found.estimate[0] == pytest.approx(0.01, rel=1e-9)
        assert found.standard_error[0] == pytest.approx(all_three[0].standard_error[0], rel=0.01)


@pytest.mark.parametrize("policy", ["thompson", "epsilon_greedy", "kl_ucb"])
def test_bols_and_weighted_aipw_cover_under_adaptive_policies(policy: str) -> None:
    environment = Environment.stationary(np.array([0.05, 0.05]))
    rng = np.random.default_rng(21)
    found = run(environment, Shares(policy, 0.10), Horizon(10, 2000, 1500), rng)
    statistics = found.statistics()
    for interval in (bols(statistics, PAIR), aw_aipw(statistics, PAIR, shares=found.shares)):
        covered = (interval.lower[:, 0] <= 0) & (interval.upper[:, 0] >= 0)
        assert Rate.of(covered).at_least(0.95)


@pytest.mark.parametrize("method", [naive, bols, aw_aipw])
def test_no_data_is_an_infinite_interval(method: object) -> None:
    assert callable(method)
    found: FixedTime = method(ArmStatistics.zeros((4, 3)), ((1, 0), (2, 0)))
    assert np.isneginf(found.lower).all()
    assert np.isposinf(found.upper).all()
    assert (found.estimate == 0).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6),
    st.integers(0, 2**31),
)
def test_never_nan(batches: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = np.array(batches)
    shares = np.full(n.shape, 0.5)
    statistics = bernoulli_statistics(n, rng.binomial(n, 0.3), shares)
    for found in (
        naive(statistics, PAIR),
        bols(statistics, PAIR),
        aw_aipw(statistics, PAIR, shares=shares),
    ):
        for part in (found.estimate, found.lower, found.upper, found.standard_error):
            assert not np.isnan(part).any()


@pytest.mark.parametrize("method", [naive, bols, aw_aipw])
def test_bad_pairs_and_one_arm_are_errors(method: object) -> None:
    assert callable(method)
    with pytest.raises(ValueError, match="pairs"):
        method(ArmStatistics.zeros((4, 2)), ((1, 2),))
    with pytest.raises(ValueError, match="arms"):
        method(ArmStatistics.zeros((4, 1)), ((0, 1),))
