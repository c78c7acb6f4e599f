"""Policies that decide slot by slot: by hand, and against brute force."""

import numpy as np
import pytest

from include.bandit.best_arm import best_arm_probabilities
from include.bandit.evidence import Evidence
from include.bandit.policies import Belief, find, kl_ucb, top_two_thompson, ucb1
from include.bandit.posterior import NormalPosterior
from include.bandit.priors import update
from include.experiments.schema import Prior, Reward


def evidence(n: list[float], sum_r: list[float]) -> Evidence:
    return Evidence(np.array(n, float), np.array(sum_r, float), np.array(sum_r, float))


def belief(n: list[float], sum_r: list[float], reward: Reward | None = None) -> Belief:
    declared, arms = reward or Reward(), [f"a{arm}" for arm in range(len(n))]
    seen = evidence(n, sum_r)
    return Belief(
        evidence=seen,
        posterior=update(seen, declared, Prior(), arms),
        update=lambda more: update(more, declared, Prior(), arms),
        reward=declared,
        default_shares=np.full(len(n), 1 / len(n)),
    )


def proposed(name: str, seen: Belief, **params: object) -> list[float]:
    policy, parsed = find(name, params)
    return [float(share) for share in policy.propose(seen, parsed)]


def test_epsilon_greedy_by_hand() -> None:
    found = proposed("epsilon_greedy", belief([10] * 5, [1, 2, 9, 3, 4]), epsilon=0.1)
    assert found == pytest.approx([0.02, 0.02, 0.92, 0.02, 0.02], abs=1e-15)


def test_a_tie_goes_to_the_lower_index() -> None:
    assert proposed("epsilon_greedy", belief([10] * 3, [4, 4, 1]))[0] > 0.9


def test_ucb1_index_by_hand() -> None:
    # t = 100: 0.5 + √(2 ln 100 / 80), 0.2 + √(2 ln 100 / 20)
    found = ucb1.index(evidence([80, 20], [40, 4]))
    assert found == pytest.approx([0.5 + 0.339307, 0.2 + 0.678614], abs=1e-6)


def test_ucb1_scales_its_bonus_by_the_range() -> None:
    reward = Reward(kind="bounded", lower=0, upper=100)
    # Means 50 and 20, bonuses 33.9 and 67.9: the second leads, 87.9 > 83.9.
    assert proposed("ucb1", belief([80, 20], [4000, 400], reward)) == pytest.approx([0.05, 0.95])


def test_an_arm_never_tried_comes_first() -> None:
    for name in ("ucb1", "kl_ucb"):
        found = proposed(name, belief([100, 0, 0], [99, 0, 0]), uniform_mix=0.3)
        assert found == pytest.approx([0.1, 0.45, 0.45], abs=1e-12)


def test_kl_ucb_index_solves_its_equation() -> None:
    seen = evidence([1000, 300, 50], [10, 9, 0])
    for c in (0.0, 3.0):
        q, p = kl_ucb.index(seen, c=c), seen.mean()
        spent = p * np.log(np.maximum(p, 1e-300) / q) + (1 - p) * np.log((1 - p) / (1 - q))
        allowed = np.log(1350) + c * np.log(np.log(1350))
        assert seen.n * spent == pytest.approx([allowed] * 3, rel=1e-8)


def test_kl_ucb_of_an_arm_without_reward_by_hand() -> None:
    # kl(0, q) = −ln(1 − q) = ln t / n, so q = 1 − t^(−1/n)
    assert kl_ucb.index(evidence([50.0], [0.0]))[0] == pytest.approx(1 - 50 ** (-1 / 50), rel=1e-9)


def test_kl_ucb_is_tighter_than_ucb1_and_above_the_mean() -> None:
    # Pinsker: kl(p, q) ≥ 2 (p − q)², so KL-UCB ≤ r̄ + √(ln t / 2n) < UCB1.
    seen = evidence([1000, 5000, 400], [10, 70, 3])
    kl, plain = kl_ucb.index(seen), ucb1.index(seen)
    assert np.all((kl > seen.mean()) & (kl < plain))
    # At click-through rates it is several times tighter.
    assert np.all(kl - seen.mean() < (plain - seen.mean()) / 3)


def test_indices_work_over_replications_at_once() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(0, 50, (7, 4)).astype(float)
    r = np.floor(n * rng.uniform(size=n.shape))
    together = Evidence(n, r, r)
    for module in (ucb1, kl_ucb):
        one_by_one = [module.index(together[run]) for run in range(7)]
        assert np.array_equal(module.index(together), np.stack(one_by_one))


def test_top_two_of_two_arms_splits_by_beta() -> None:
    # With two arms the challenger is always the other: ψ = β P + (1 − β)(1 − P).
    seen = belief([100, 100], [40, 55])
    best = best_arm_probabilities(seen.posterior)
    found = proposed("top_two_thompson", seen, beta=0.7)
    assert found == pytest.approx(0.7 * best + 0.3 * (1 - best), abs=1e-12)


def test_top_two_agrees_with_drawing() -> None:
    location, scale = np.array([0.0, 0.3, 0.5, -0.2]), np.array([1.0, 0.5, 0.8, 1.5])
    seen = belief([1] * 4, [0] * 4)
    seen = Belief(
        evidence=seen.evidence,
        posterior=NormalPosterior(location, scale),
        update=seen.update,
        reward=seen.reward,
        default_shares=seen.default_shares,
    )
    rng, beta, runs = np.random.default_rng(1), 0.6, 40_000
    leader = np.argmax(rng.normal(location, scale, (runs, 4)), axis=1)
    played = leader.copy()
    open_runs = np.flatnonzero(rng.uniform(size=runs) >= beta)
    while open_runs.size:
        drawn = np.argmax(rng.normal(location, scale, (open_runs.size, 4)), axis=1)
        other = drawn != leader[open_runs]
        played[open_runs[other]] = drawn[other]
        open_runs = open_runs[~other]
    found = top_two_thompson.propose(seen, top_two_thompson.Params(beta=beta))
    assert np.bincount(played) / runs == pytest.approx(found, abs=0.012)


def test_top_two_keeps_its_challenger_when_the_leader_is_sure() -> None:
    found = proposed("top_two_thompson", belief([10**6] * 3, [10_000, 20_000, 30_000]))
    assert found == pytest.approx([0.0, 0.5, 0.5], abs=1e-9)
