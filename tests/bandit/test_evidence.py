"""Folding batches: by hand, discount and window, and Simpson's paradox."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.evidence import Evidence, batch_weights, effective_memory, fold
from include.experiments.schema import Memory
from tests.support.sums import arm_statistics

THREE = arm_statistics([[10, 20], [30, 40], [50, 60]], [[1, 2], [3, 4], [5, 6]])


def test_everything_counts_by_default() -> None:
    found = fold(THREE, Memory())
    assert found.n.tolist() == [90, 120]
    assert found.sum_r.tolist() == [9, 12]


def test_discount_by_hand() -> None:
    found = fold(THREE, Memory(discount=0.5))
    assert found.n.tolist() == [10 / 4 + 30 / 2 + 50, 20 / 4 + 40 / 2 + 60]
    assert found.sum_r.tolist() == [1 / 4 + 3 / 2 + 5, 2 / 4 + 4 / 2 + 6]


def test_window_by_hand() -> None:
    assert fold(THREE, Memory(window_batches=2)).n.tolist() == [80, 100]
    assert fold(THREE, Memory(window_batches=9)).n.tolist() == [90, 120]


def test_effective_memory_by_hand() -> None:
    assert effective_memory(7, Memory()) == 7
    assert effective_memory(7, Memory(window_batches=3)) == 3
    assert effective_memory(3, Memory(discount=0.5)) == 1.75
    # 1 / (1 − γ) in the long run.
    assert effective_memory(500, Memory(discount=0.9)) == pytest.approx(10, abs=1e-12)


def test_no_batch_is_no_evidence() -> None:
    empty = arm_statistics(np.zeros((0, 2)), np.zeros((0, 2)))
    assert fold(empty, Memory()).n.tolist() == [0, 0]
    assert fold(empty, Memory(stratified=True)).mean().tolist() == [0, 0]


def test_batches_are_oldest_first() -> None:
    assert batch_weights(3, Memory(discount=0.5)).tolist() == [0.25, 0.5, 1.0]


def test_stratification_undoes_simpsons_paradox() -> None:
    # Arm 1 is better in both batches, 12 % > 10 % and 4 % > 3 %, but got its traffic when
    # rates were low: pooled, arm 0 looks twice as good.
    n = [[9000, 1000], [1000, 9000]]
    rewards = [[900, 120], [30, 360]]
    statistics = arm_statistics(n, rewards)
    pooled = fold(statistics, Memory()).mean()
    assert pooled[0] > pooled[1]
    stratified = fold(statistics, Memory(stratified=True)).mean()
    assert stratified == pytest.approx([(0.10 + 0.03) / 2, (0.12 + 0.04) / 2], abs=1e-12)


def test_stratified_equals_pooled_under_constant_shares() -> None:
    n, rewards = [[100, 300], [50, 150], [200, 600]], [[7, 20], [1, 9], [30, 44]]
    statistics = arm_statistics(n, rewards, share=[0.25, 0.75])
    for memory in (Memory(), Memory(discount=0.7), Memory(window_batches=2)):
        pooled = fold(statistics, memory)
        stratified = fold(statistics, memory.model_copy(update={"stratified": True}))
        for name in ("n", "sum_r", "sum_r2"):
            assert getattr(stratified, name) == pytest.approx(getattr(pooled, name), rel=1e-12)


def test_stratification_costs_observations_where_shares_moved() -> None:
    statistics = arm_statistics([[9000, 1000], [1000, 9000]], [[90, 10], [10, 90]])
    found = fold(statistics, Memory(stratified=True))
    # (Σ n/p)² / Σ n/p² = 20,000² / (10,000²/9,000 + 10,000²/1,000) = 3,600 of 10,000
    assert found.n == pytest.approx([3600, 3600])


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_evidence_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="evidence"):
        Evidence(np.array([1.0]), np.array([bad]), np.array([1.0]))


def test_negative_counts_and_rewards_from_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="evidence"):
        Evidence(np.array([-1.0]), np.array([0.0]), np.array([0.0]))
    with pytest.raises(ValueError, match="evidence"):
        Evidence(np.array([0.0]), np.array([1.0]), np.array([1.0]))


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=8),
    st.floats(0.1, 1.0),
)
def test_a_discounted_mean_stays_between_the_batches(
    batches: list[tuple[int, int]], discount: float
) -> None:
    n = [[views + 1] for views, _ in batches]
    rewards = [[min(clicks, views + 1)] for views, clicks in batches]
    means = [r[0] / m[0] for r, m in zip(rewards, n, strict=True)]
    found = float(fold(arm_statistics(n, rewards), Memory(discount=discount)).mean()[0])
    assert min(means) - 1e-12 <= found <= max(means) + 1e-12
