"""Verdicts: who may be declared, when nothing may be said, and rates over many runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.inference.conclusion import conclude
from include.bandit.inference.family import Design, events
from include.bandit.inference.readout import from_sequence, from_slice
from include.bandit.inference.verdict import against_control, best_of_rest
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History, Horizon, bernoulli_statistics, run
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import ArmStatistics
from studies.table import Rate


def history(rates: list[float], floor: float, runs: int, seed: int, looks: int = 28) -> History:
    environment = Environment.stationary(np.array(rates))
    rng = np.random.default_rng(seed)
    return run(environment, Shares("thompson", floor), Horizon(looks, 2000, runs), rng)


def design(found: History) -> Design:
    return Design(shares=found.shares, bounds=(0.0, 1.0))


def clear_winner(batches: int = 6) -> tuple[ArmStatistics, Design]:
    shares = np.full((batches, 2), 0.5)
    n = np.full((batches, 2), 1000)
    won = np.tile([50, 120], (batches, 1))
    return bernoulli_statistics(n, won, shares), Design(shares=shares, bounds=(0.0, 1.0))


@pytest.mark.parametrize("floor", [0.01, 0.10])
def test_false_winners_are_rare_under_daily_looks(floor: float) -> None:
    found = history([0.05, 0.05], floor, 1500, seed=11)
    effects = against_control(found.statistics(), 0, design(found))
    wrong = Rate.of((effects.above() | effects.below()).any(axis=(1, 2)))
    assert wrong.at_most(0.05), str(wrong)


def test_a_lift_is_found_in_time() -> None:
    found = history([0.05, 0.06], 0.10, 600, seed=12)
    wins = best_of_rest(found.statistics(), design(found)).wins[..., 1]
    assert Rate.of(wins.any(axis=1)).at_least(0.80)
    days = np.where(wins.any(axis=1), wins.argmax(axis=1) + 1, 99)
    assert np.median(days) <= 16


def test_five_equal_arms_have_no_winner_and_simultaneous_intervals() -> None:
    found = history([0.05] * 5, 0.05, 400, seed=13)
    best = best_of_rest(found.statistics(), design(found))
    effects = against_control(found.statistics(), 0, design(found))
    assert Rate.of(best.wins.any(axis=(1, 2))).at_most(0.05)
    assert Rate.of((effects.above() | effects.below()).any(axis=(1, 2))).at_most(0.05)


@pytest.mark.parametrize("rates", [[0.05, 0.06], [0.05, 0.05, 0.05, 0.065]])
def test_whoever_is_declared_best_has_a_p_value_below_alpha(rates: list[float]) -> None:
    found = history(rates, 0.10, 200, seed=15)
    best = best_of_rest(found.statistics(), design(found))
    declared = np.logical_or.accumulate(best.lower > 0, axis=1)
    assert declared.any()
    assert not declared.all()
    assert np.all(best.p_value[declared] <= 0.05 * (1 + 1e-9))
    assert np.all(np.diff(best.p_value, axis=1) <= 0)
    # With more than two arms the pairs of an arm may have spoken at different looks.
    assert len(rates) > 2 or np.array_equal(best.p_value <= 0.05, declared)


def test_without_a_control_the_p_value_is_that_of_best_of_rest() -> None:
    found = history([0.05, 0.05, 0.05], 0.10, 1000, seed=16)
    best = best_of_rest(found.statistics(), design(found))
    smallest = np.where(best.known, best.p_value, 1.0)[:, -1].min(axis=1)
    assert Rate.of(smallest <= 0.05).at_most(0.05)
    statistics, known = clear_winner()
    assert conclude(statistics, None, known).p_value < 0.05
    nothing = conclude(ArmStatistics.zeros((3, 4)), None, Design(shares=np.full((3, 4), 0.25)))
    assert nothing.p_value == 1.0


def test_a_clear_winner_is_declared_and_ships() -> None:
    statistics, known = clear_winner()
    found = conclude(statistics, 0, known)
    assert found.winner == 1
    assert not found.winner_blocked
    (effect,) = found.effects
    assert effect.answer == "better"
    assert effect.ships
    assert effect.lower is not None
    assert 0 < effect.lower < 0.07 < (effect.upper or 0)
    assert found.p_value < 0.05


def test_units_that_were_not_drawn_make_the_answer_unknown() -> None:
    statistics, known = clear_winner()
    drawn = np.array([True, True, False, True, True, True])
    held = Design(shares=known.shares, bounds=known.bounds, drawn=drawn)
    found = conclude(statistics, 0, held)
    assert found.winner is None
    assert found.effects[0].answer == "unknown"
    assert found.known == (False, False)
    assert found.p_value == 1.0


def test_no_data_is_unknown() -> None:
    found = conclude(ArmStatistics.zeros((3, 4)), 0, Design(shares=np.full((3, 4), 0.25)))
    assert {effect.answer for effect in found.effects} == {"unknown"}
    assert all(effect.lower is None for effect in found.effects)
    assert found.winner is None


def test_a_handful_of_rewards_is_unknown() -> None:
    shares = np.full((5, 2), 0.5)
    statistics = bernoulli_statistics(np.full((5, 2), 1000), np.tile([0, 1], (5, 1)), shares)
    found = conclude(statistics, 0, Design(shares=shares, bounds=(0.0, 1.0)))
    assert found.effects[0].answer == "unknown"


def test_an_effect_that_turns_blocks_shipping() -> None:
    """Well measured early, the other way round later at a small share: claims are contradicted."""
    shares = np.array([[0.5, 0.5]] * 6 + [[0.1, 0.9]] * 40)
    n = np.array([[5000, 5000]] * 6 + [[1000, 9000]] * 40)
    won = np.array([[250, 400]] * 6 + [[80, 450]] * 40)
    found = conclude(
        bernoulli_statistics(n, won, shares), 0, Design(shares=shares, bounds=(0.0, 1.0))
    )
    (effect,) = found.effects
    assert effect.disagreement
    assert not effect.ships


def test_events_count_rewards_and_misses() -> None:
    shares = np.full((2, 2), 0.5)
    statistics = bernoulli_statistics(
        np.array([[10, 10], [10, 10]]), np.array([[3, 9], [1, 10]]), shares
    )
    assert events(statistics, (0.0, 1.0)).tolist() == [[3, 1], [4, 1]]
    assert events(statistics, None).tolist() == [[10, 10], [20, 20]]


def test_readout_of_the_winner_is_the_simultaneous_interval() -> None:
    statistics, known = clear_winner()
    found = from_sequence(against_control(statistics, 0, known), (1, 0))
    effect = conclude(statistics, 0, known).effects[0]
    assert (found.lower, found.upper) == (effect.lower, effect.upper)
    with pytest.raises(ValueError, match="pair"):
        from_sequence(against_control(statistics, 0, known), (0, 1))


def test_readout_of_a_uniform_slice_is_the_difference_of_its_means() -> None:
    statistics, _ = clear_winner()
    found = from_slice(statistics, (1, 0))
    assert found.estimate == pytest.approx(0.07)
    skewed = bernoulli_statistics(np.full((1, 2), 9), np.zeros((1, 2), int), np.array([[0.9, 0.1]]))
    with pytest.raises(ValueError, match="uniform"):
        from_slice(skewed, (1, 0))


def test_the_winners_mean_is_too_high_and_the_sequence_is_not() -> None:
    """Ten equal arms: the leader's sample mean overshoots, its simultaneous interval covers."""
    found = history([0.05] * 10, 0.05, 150, seed=14, looks=14)
    pooled = found.statistics().pooled(-2)
    leader = (pooled.sum_r / pooled.n)[:, 1:].argmax(axis=1)
    naive = np.take_along_axis(pooled.sum_r / pooled.n, leader[:, None] + 1, axis=1)[:, 0]
    assert naive.mean() > 0.0515
    effects = against_control(found.statistics(), 0, design(found)).weighted
    rows = np.arange(len(leader))
    covered = (effects.lower[rows, -1, leader] <= 0) & (effects.upper[rows, -1, leader] >= 0)
    assert Rate.of(covered).at_least(0.95)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_at_most_one_winner_and_nothing_is_nan(arms: int, batches: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(arms), batches)
    n = rng.multinomial(3000, shares)
    statistics = bernoulli_statistics(n, rng.binomial(n, rng.random(arms)), shares)
    best = best_of_rest(statistics, Design(shares=shares, bounds=(0.0, 1.0)))
    assert (best.wins.sum(axis=-1) <= 1).all()
    assert not np.isnan(best.estimate).any()
    assert not np.isnan(best.lower).any()


def test_too_many_arms_for_pairs_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="control"):
        best_of_rest(ArmStatistics.zeros((1, 1_000_000)))


def test_a_control_that_is_no_arm_is_an_error() -> None:
    with pytest.raises(ValueError, match="control 2"):
        against_control(ArmStatistics.zeros((1, 2)), 2)
