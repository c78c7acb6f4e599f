"""Sequential simulation: the seed benchmark in shape, and bookkeeping."""

import numpy as np
import pytest

from include.bandit.simulation import seed_benchmark
from include.bandit.simulation.curves import band
from include.bandit.simulation.sequential import RULES, play


def test_seed_benchmark_in_shape() -> None:
    rng = np.random.default_rng(71)
    rates = np.repeat(seed_benchmark.environments(rng), 5, axis=0)
    plays = {
        policy: play(policy, rates, seed_benchmark.ROUNDS, rng)
        for policy in ("thompson", "epsilon_greedy", "ucb1")
    }
    regret = {policy: found.regret[-1].mean() for policy, found in plays.items()}
    assert regret["thompson"] < regret["epsilon_greedy"] < regret["ucb1"]
    assert 12 < regret["thompson"] < 30
    medians = {policy: np.median(found.converged()) for policy, found in plays.items()}
    assert medians["thompson"] < 200
    assert medians["epsilon_greedy"] < 200
    assert medians["ucb1"] > 200


def test_environments_of_the_seed_benchmark_have_one_clear_best_arm() -> None:
    rates = np.sort(seed_benchmark.environments(np.random.default_rng(72)), axis=1)
    assert rates.shape == (20, 4)
    gap = rates[:, -1] - rates[:, -2]
    assert (gap >= 0.15).all()
    assert ((rates[:, :-1] >= 0.03) & (rates[:, :-1] <= 0.40)).all()
    assert (rates[:, -1] <= 0.70).all()


@pytest.mark.parametrize("policy", sorted(RULES))
def test_regret_grows_by_gaps_of_arms_that_exist(policy: str) -> None:
    rates = np.tile([0.1, 0.3, 0.6], (20, 1))
    found = play(policy, rates, 60, np.random.default_rng(73))
    steps = np.diff(found.regret, axis=0, prepend=0.0)
    assert set(np.round(np.unique(steps), 9)) <= {0.0, 0.3, 0.5}
    assert np.array_equal(found.best, np.isclose(steps, 0.0))


def test_two_rounds_of_thompson_by_hand() -> None:
    """A sure arm and a hopeless one: 1/2 at first, then P(Beta(2, 1) > Beta(1, 1)) = 2/3."""
    rates = np.tile([1.0, 0.0], (40_000, 1))
    found = play("thompson", rates, 2, np.random.default_rng(77))
    assert found.regret[0].mean() == pytest.approx(1 / 2, abs=0.01)
    # Whichever was played, the sure arm is the likelier one now: it won, or the other lost.
    assert (found.regret[1] - found.regret[0]).mean() == pytest.approx(1 / 3, abs=0.01)


def test_a_trace_ends_where_the_short_form_does() -> None:
    rates = np.tile([0.1, 0.3], (7, 1))
    long = play("thompson", rates, 50, np.random.default_rng(74))
    short = play("thompson", rates, 50, np.random.default_rng(74), trace=False)
    assert np.array_equal(long.regret[-1], short.regret[0])


def test_kl_ucb_loses_less_than_ucb1_at_low_rates() -> None:
    rates = np.tile([0.01, 0.01, 0.03], (40, 1))
    rng = np.random.default_rng(75)
    ucb, kl = (
        play(policy, rates, 1000, rng, trace=False).regret[-1] for policy in ("ucb1", "kl_ucb")
    )
    assert kl.mean() + 3 * kl.std() / np.sqrt(40) < ucb.mean()


def test_convergence_by_hand() -> None:
    """The best arm from round 6 on: four of the last five at round 9."""
    found = play("uniform", np.tile([0.5, 0.6], (1, 1)), 20, np.random.default_rng(76))
    best = np.zeros((20, 1), np.bool_)
    best[5:] = True
    assert type(found)(found.regret, best).converged(window=5, share=0.8).tolist() == [9.0]
    never = type(found)(found.regret, np.zeros((20, 1), np.bool_))
    assert np.isinf(never.converged(window=5)).all()


def test_band_is_mean_error_and_quantiles() -> None:
    curves = np.array([[1.0, 2.0], [3.0, 6.0]])
    found = band(curves)
    assert found.mean.tolist() == [2.0, 4.0]
    assert found.error[0] == pytest.approx(1.959964 * np.sqrt(2.0) / np.sqrt(2))
    assert found.low[0] == pytest.approx(1.2)
    with pytest.raises(ValueError, match="two replications"):
        band(curves[:1])


@pytest.mark.parametrize(
    ("policy", "rates", "rounds"),
    [
        ("magic", [[0.1, 0.2]], 5),
        ("ucb1", [[0.1]], 5),
        ("ucb1", [[0.1, 1.2]], 5),
        ("ucb1", [[0, 1]], 0),
    ],
)
def test_bad_input_is_an_error(policy: str, rates: list[list[float]], rounds: int) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        play(policy, np.array(rates, float), rounds, np.random.default_rng(0))
