"""Betting and empirical Bernstein: valid at every sample size, so by rate and by law."""

import numpy as np
import pytest

from include.bandit.inference.betting import betting, log_capital
from include.bandit.inference.empirical_bernstein import empirical_bernstein
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History, Horizon, bernoulli_statistics, run
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import ArmStatistics
from studies.table import Rate

PAIR = ((1, 0),)


def history(rates: list[float], traffic: int, floor: float, runs: int, seed: int) -> History:
    environment = Environment.stationary(np.array(rates))
    rng = np.random.default_rng(seed)
    return run(environment, Shares("thompson", floor), Horizon(20, traffic, runs), rng)


@pytest.mark.parametrize("effect", [0.0, 0.04])
def test_few_rewards_keep_the_promise(effect: float) -> None:
    found = history([0.02, 0.02 + effect], 60, 0.02, 1500, seed=31)
    statistics = found.statistics()
    up, down = log_capital(statistics, (1, 0), found.shares, np.array([effect]))
    betted = (np.maximum(up, down)[..., 0] >= np.log(40)).any(axis=1)
    lower, upper = empirical_bernstein(statistics, PAIR, found.shares)
    missed = ((lower > effect) | (upper < effect)).any(axis=(1, 2))
    assert Rate.of(betted).at_most(0.05)
    assert Rate.of(missed).at_most(0.05)


def test_capital_is_a_product_over_units() -> None:
    """Three units one by one at the only bet sizes of the first batch."""
    shares = np.array([[0.5, 0.5]])
    statistics = bernoulli_statistics(np.array([[2, 1]]), np.array([[1, 1]]), shares)
    up, _ = log_capital(statistics, (1, 0), shares, np.array([0.1]), alpha=0.05, tuned=5.0)
    # Before anything is known means are 0 and variances ¼: scores −2, 0 (arm 0), +2 (arm 1).
    bet = np.sqrt(2 * np.log(40) / ((0.25 / 0.5 * 2) * 5 * 3))
    most = 0.5 / (1 + 2)
    sizes = [min(factor * bet, most) for factor in (0.25, 0.5, 1.0, 2.0)]
    capital = [(1 + b * (-2.1)) * (1 + b * (-0.1)) * (1 + b * 1.9) for b in sizes]
    assert up[0, 0] == pytest.approx(np.log(np.mean(capital)), rel=1e-9)


def test_capital_falls_with_the_effect_that_is_bet_against() -> None:
    found = history([0.05, 0.10], 200, 0.1, 5, seed=32)
    effects = np.linspace(-1, 1, 101)
    up, down = log_capital(found.statistics(), (1, 0), found.shares, effects)
    assert (np.diff(up, axis=-1) <= 1e-9).all()
    assert (np.diff(down, axis=-1) >= -1e-9).all()


def test_sequences_close_in_on_the_truth() -> None:
    shares = np.full((20, 2), 0.5)
    n, won = np.full((20, 2), 2000), np.tile([200, 400], (20, 1))
    statistics = bernoulli_statistics(n, won, shares)
    lower, upper = betting(statistics, (1, 0), shares)
    assert 0.08 < lower[-1] < 0.1 < upper[-1] < 0.12
    assert upper[-1] - lower[-1] < upper[3] - lower[3]
    low, high = empirical_bernstein(statistics, PAIR, shares)
    assert 0.07 < low[-1, 0] < 0.1 < high[-1, 0] < 0.13


def test_no_data_says_nothing() -> None:
    shares = np.full((3, 2), 0.5)
    lower, upper = betting(ArmStatistics.zeros((3, 2)), (1, 0), shares)
    assert (lower == -1).all()
    assert (upper == 1).all()
    low, high = empirical_bernstein(ArmStatistics.zeros((3, 2)), PAIR, shares)
    assert (low == -1).all()
    assert (high == 1).all()


def test_betting_wants_rewards_of_nought_or_one() -> None:
    n = np.array([[5, 5]])
    ip = n * 2.0
    half = np.array([[1.5, 2.0]])
    fractional = ArmStatistics(n, half, half / 2, ip, ip * 2, half * 2, half * 4, half * 2)
    with pytest.raises(ValueError, match="0/1"):
        betting(fractional, (1, 0), np.full((1, 2), 0.5))
    many = bernoulli_statistics(n, n + 1, np.full((1, 2), 0.5))
    with pytest.raises(ValueError, match="0/1"):
        betting(many, (1, 0), np.full((1, 2), 0.5))
