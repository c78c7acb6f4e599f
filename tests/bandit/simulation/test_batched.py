"""Batched simulation: moments, exact bookkeeping, and shares against the exact ones."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.best_arm import best_arm_probabilities
from include.bandit.posterior import BetaPosterior
from include.bandit.simulation.allocation import POLICIES, Shares, kl_bound
from include.bandit.simulation.batched import Horizon, Learning, first_batches, run
from include.bandit.simulation.best_arm import beta_best
from include.bandit.simulation.environment import Environment
from include.bandit.simulation.units import Pool, run_pool


@pytest.mark.parametrize(
    ("arms", "n", "rate"), [(2, 10, 0.5), (2, 28_000, 0.05), (4, 500, 0.2), (10, 5_000, 0.01)]
)
def test_p_best_of_many_runs_agrees_with_the_exact_one(arms: int, n: int, rate: float) -> None:
    rng = np.random.default_rng(61)
    played = rng.integers(n // 10, n, (30, arms))
    won = rng.binomial(played, rate)
    alpha, beta = (1.0 + count.astype(np.float64) for count in (won, played - won))
    exact = [best_arm_probabilities(BetaPosterior(a, b)) for a, b in zip(alpha, beta, strict=True)]
    assert np.abs(beta_best(alpha, beta) - np.array(exact)).max() < 5e-3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 1e7), st.floats(0.5, 1e7)), min_size=2, max_size=6))
def test_p_best_is_a_distribution_for_any_counts(params: list[tuple[float, float]]) -> None:
    alpha, beta = (np.array([[pair[i] for pair in params]]) for i in (0, 1))
    found = beta_best(alpha, beta)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(POLICIES)),
    st.integers(2, 6),
    st.floats(0, 1),
    st.integers(0, 2**31),
)
def test_every_policy_keeps_its_floor(policy: str, arms: int, part: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(0, 1000, (5, arms))
    won = rng.binomial(n, 0.1)
    floor = part / arms
    shares = Shares(policy, floor)(n.astype(float), won.astype(float))
    assert shares.min() >= floor - 1e-12
    assert np.allclose(shares.sum(axis=1), 1.0)


def test_top_two_of_two_arms_is_an_equal_split() -> None:
    shares = Shares("top_two", 0.0)(np.array([[100.0, 100.0]]), np.array([[10.0, 30.0]]))
    assert np.allclose(shares, 0.5)


def test_epsilon_greedy_logs_the_marginal() -> None:
    """K = 5, ε = 0.1: 0.02 and 0.92."""
    n, won = np.full((1, 5), 100.0), np.array([[1.0, 2.0, 50.0, 3.0, 4.0]])
    assert np.allclose(Shares("epsilon_greedy", 0.0)(n, won), [[0.02, 0.02, 0.92, 0.02, 0.02]])


def test_kl_bound_solves_its_equation() -> None:
    mean, budget = np.array([0.0, 0.05, 0.5]), np.array([0.01, 0.02, 0.3])
    q = kl_bound(mean, budget)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(mean > 0, mean * np.log(mean / q), 0.0)
    assert np.allclose(first + (1 - mean) * np.log((1 - mean) / (1 - q)), budget, atol=1e-6)


def test_traffic_and_shares_are_kept_exactly() -> None:
    environment = Environment.stationary(np.array([0.1, 0.2, 0.3]))
    found = run(
        environment, Shares("thompson", 0.05), Horizon(6, 500, 40), np.random.default_rng(62)
    )
    assert (found.n.sum(axis=-1) == 500).all()
    assert np.allclose(found.shares.sum(axis=-1), 1.0)
    statistics = found.statistics()
    assert np.allclose(statistics.sum_ip * found.shares, statistics.n)
    assert np.allclose(statistics.sum_r2_ip2 * found.shares**2, statistics.sum_r)


def test_moments_of_uniform_play() -> None:
    environment = Environment.stationary(np.array([0.1, 0.4]))
    found = run(
        environment, Shares("uniform", 0.0), Horizon(5, 1000, 2000), np.random.default_rng(63)
    )
    rates = found.arrived.sum(axis=(0, 1, 3)) / found.n.sum(axis=(0, 1))
    assert np.allclose(rates, [0.1, 0.4], atol=0.002)
    assert found.regret()[:, -1].mean() == pytest.approx(5 * 500 * 0.3, rel=0.01)


def test_equal_seeds_give_equal_runs() -> None:
    environment = Environment.stationary(np.array([0.1, 0.2]))
    one, other = (
        run(environment, Shares("kl_ucb", 0.1), Horizon(4, 100, 3), np.random.default_rng(64))
        for _ in range(2)
    )
    assert np.array_equal(one.n, other.n)
    assert np.array_equal(one.arrived, other.arrived)


def test_only_closed_windows_are_learned_from() -> None:
    """With a window of three batches the first shares that may move are those of the fifth."""
    environment = Environment.delayed(np.array([0.1, 0.6]), 1.0, window=3)
    horizon = Horizon(6, 2000, 20)
    rule = run(environment, Shares("thompson", 0.05), horizon, np.random.default_rng(65))
    assert (rule.shares[:, :4] == 0.5).all()
    assert (rule.shares[:, 4, 1] > 0.9).all()
    hasty = run(
        environment,
        Shares("thompson", 0.05),
        horizon,
        np.random.default_rng(65),
        Learning(mature=False),
    )
    assert (hasty.shares[:, 1, 1] > 0.9).all()


def test_rewards_seen_early_are_fewer_and_bias_the_slower_arm() -> None:
    environment = Environment.delayed(np.array([0.2, 0.2]), np.array([0.1, 3.0]), window=6)
    found = run(
        environment, Shares("uniform", 0.0), Horizon(8, 5000, 50), np.random.default_rng(66)
    )
    early, late = found.statistics(seen_after=8).pooled(-2), found.statistics().pooled(-2)
    assert (early.sum_r <= late.sum_r).all()
    rate = early.sum_r.sum(axis=0) / early.n.sum(axis=0)
    assert rate[1] < rate[0] - 0.02
    assert np.array_equal(first_batches(found.statistics(), 3).n, found.n[:, :3])


def test_a_discount_follows_a_change_that_full_memory_does_not() -> None:
    environment = Environment.stepping(np.array([0.3, 0.1]), np.array([0.1, 0.3]), at=15)
    shares = [
        run(
            environment,
            Shares("thompson", 0.05),
            Horizon(22, 500, 50),
            np.random.default_rng(67),
            Learning(discount=discount),
        ).shares[:, -1, 1]
        for discount in (1.0, 0.7)
    ]
    assert shares[0].mean() < 0.5 < shares[1].mean()


def test_units_that_return_count_once_or_every_time() -> None:
    every = Pool(200, 0.5, 0.1, 1.0)
    statistics, _ = run_pool(every, Shares("uniform", 0.0), (20, 8), np.random.default_rng(68))
    assert statistics.n.sum(axis=(1, 2)).mean() == pytest.approx(800, rel=0.02)
    once = Pool(200, 0.5, 0.1, 1.0, assignment="nested", counting="first batch")
    statistics, _ = run_pool(once, Shares("uniform", 0.0), (20, 8), np.random.default_rng(68))
    assert (statistics.n.sum(axis=(1, 2)) <= 200).all()


BAD: dict[str, Callable[[], object]] = {
    "one arm": lambda: Environment.stationary(np.array([0.1])),
    "rate above one": lambda: Environment.stationary(np.array([0.1, 1.1])),
    "NaN rate": lambda: Environment.stationary(np.array([0.1, np.nan])),
    "delay that is no distribution": lambda: Environment(
        "x", np.full((1, 2), 0.1), np.ones((2, 2))
    ),
    "no batches": lambda: Horizon(0, 1, 1),
    "no such policy": lambda: Shares("magic", 0.0),
    "floor above a half": lambda: Shares("uniform", 0.6),
    "floors that exceed one": lambda: Shares("uniform", 0.4)(np.ones((1, 3)), np.ones((1, 3))),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_input_is_an_error(case: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        BAD[case]()
