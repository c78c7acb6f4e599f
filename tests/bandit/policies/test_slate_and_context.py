"""Policies over several slots or cells: position-based model, linear Thompson, LinUCB."""

import numpy as np
import pytest

from include.bandit.allocation import allocate
from include.bandit.best_arm import best_arm_probabilities, rank_probabilities
from include.bandit.evidence import Evidence
from include.bandit.policies import Belief, lin_ucb, linear, linear_thompson, position_based
from include.bandit.posterior import BetaPosterior, NormalPosterior
from include.bandit.priors import update
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError
from include.experiments.schema import Prior, Reward
from tests.support.sums import arm_statistics, declare


def belief(n: FloatArray, sum_r: FloatArray, features: FloatArray | None = None) -> Belief:
    arms = [f"a{arm}" for arm in range(n.shape[-1])]
    seen = Evidence(n, sum_r, sum_r)
    return Belief(
        evidence=seen,
        posterior=update(seen[0], Reward(), Prior(), arms),
        update=lambda more: update(more, Reward(), Prior(), arms),
        reward=Reward(),
        default_shares=np.full(len(arms), 1 / len(arms)),
        features=features,
    )


def test_attraction_by_hand() -> None:
    # κ = (1, 1/2): 100 + 200/2 chances and 10 + 8 rewards.
    seen = Evidence(np.array([[100.0], [200.0]]), np.array([[10.0], [8.0]]), np.zeros((2, 1)))
    found = position_based.attraction(seen, np.array([1.0, 0.5]))
    assert (found.n.tolist(), found.sum_r.tolist()) == ([200.0], [18.0])


def test_slots_get_the_ranks_in_the_order_of_examination() -> None:
    n, rewards = np.full((2, 3), 400.0), np.array([[20.0, 12, 8], [9.0, 7, 3]])
    seen = belief(n, rewards)
    ranks = rank_probabilities(
        BetaPosterior(1 + rewards.sum(axis=0), 1 + 600.0 - rewards.sum(axis=0)), 2
    )
    forward = position_based.propose(seen, position_based.Params(examination=(1.0, 0.5)))
    backward = position_based.propose(seen, position_based.Params(examination=(0.5, 1.0)))
    assert forward == pytest.approx(ranks, abs=1e-12)
    assert backward == pytest.approx(ranks[::-1], abs=1e-12)


def test_examination_is_recovered_from_a_simulation() -> None:
    rng = np.random.default_rng(8)
    truth, rates = np.array([1.0, 0.6, 0.3]), np.linspace(0.01, 0.06, 20)
    n = rng.integers(2_000, 40_000, (3, 20))
    rewards = rng.binomial(n, truth[:, None] * rates).astype(float)
    found = position_based.estimate_examination(Evidence(n.astype(float), rewards, rewards))
    assert found == pytest.approx(truth, abs=0.03)


def test_examination_of_nothing_is_full() -> None:
    empty = Evidence(np.zeros((3, 4)), np.zeros((3, 4)), np.zeros((3, 4)))
    assert position_based.estimate_examination(empty).tolist() == [1.0, 1.0, 1.0]


def test_examination_needs_a_number_per_position() -> None:
    seen = belief(np.ones((2, 3)), np.zeros((2, 3)))
    for wrong in ((1.0,), (1.0, 0.0)):
        with pytest.raises(ExperimentError, match="2 numbers above 0"):
            position_based.propose(seen, position_based.Params(examination=wrong))


def test_more_positions_than_arms_are_refused() -> None:
    wanted = declare(2, positions=3, policy={"name": "position_based"})
    with pytest.raises(ExperimentError, match="3 positions for 2 arms"):
        allocate(wanted, {"*": arm_statistics([[[1, 1]] * 3], [[[0, 0]] * 3])})


def test_the_ridge_regression_agrees_with_rows() -> None:
    rng = np.random.default_rng(9)
    features = rng.normal(size=(4, 2))
    n = rng.integers(5, 30, (4, 3)).astype(float)
    rewards = np.floor(n * rng.uniform(0.1, 0.9, n.shape))
    found = linear.scores(belief(n, rewards, features), linear.Params(ridge=2.0, noise=0.4))
    centre = rewards.sum() / n.sum()
    design = np.hstack([np.ones((4, 1)), features])
    for arm in range(3):
        rows = np.repeat(design, n[:, arm].astype(int), axis=0)
        observed = np.concatenate(
            [np.arange(n[c, arm]) < rewards[c, arm] for c in range(4)]
        ).astype(float)
        gram = rows.T @ rows + 2.0 * np.eye(3)
        theta = np.linalg.solve(gram, rows.T @ (observed - centre))
        assert found.mean[:, arm] == pytest.approx(centre + design @ theta, abs=1e-10)
        errors = 0.4 * np.sqrt(np.diag(design @ np.linalg.inv(gram) @ design.T))
        assert found.error[:, arm] == pytest.approx(errors, abs=1e-10)


def test_linear_thompson_is_p_best_of_the_scores() -> None:
    features = np.array([[-1.0], [1.0]])
    seen = belief(np.full((2, 3), 200.0), np.array([[30.0, 20, 10], [10, 20, 30]]), features)
    found = linear_thompson.propose(seen, linear_thompson.Params())
    scores = linear.scores(seen, linear.Params())
    for cell in range(2):
        expected = best_arm_probabilities(NormalPosterior(scores.mean[cell], scores.error[cell]))
        assert found[cell] == pytest.approx(expected, abs=1e-12)
    # The cells are mirror images, and so are the shares.
    assert found[0] == pytest.approx(found[1][::-1], abs=1e-9)
    assert found[0][0] > 0.9


def test_lin_ucb_prefers_the_better_arm_of_each_cell_and_explores_the_unknown() -> None:
    features = np.array([[-1.0], [1.0]])
    seen = belief(np.full((2, 2), 1000.0), np.array([[300.0, 100], [100, 300]]), features)
    found = lin_ucb.propose(seen, lin_ucb.Params(uniform_mix=0.2))
    assert found == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]), abs=1e-12)
    unknown = belief(np.array([[1000.0, 0], [1000, 0]]), np.array([[300.0, 0], [300, 0]]), features)
    assert lin_ucb.propose(unknown, lin_ucb.Params())[:, 1] == pytest.approx([0.95, 0.95])


def test_linear_policies_learn_across_cells() -> None:
    # The middle cell has no data; on a line between its neighbours it has their mean.
    features = np.array([[-1.0], [0.0], [1.0]])
    n = np.array([[5000.0, 5000], [0, 0], [5000, 5000]])
    rewards = np.array([[1000.0, 500], [0, 0], [2000, 500]])
    scores = linear.scores(belief(n, rewards, features), linear.Params())
    assert scores.mean[1] == pytest.approx([0.3, 0.1], abs=1e-3)
    assert np.all(scores.error[1] > 0)


def test_linear_policies_need_features() -> None:
    for name in ("linear_thompson", "lin_ucb"):
        with pytest.raises(ExperimentError, match="features"):
            allocate(declare(2, policy={"name": name}), {})
