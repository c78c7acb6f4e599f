"""Replay of learning policies."""

from dataclasses import replace

import numpy as np
import pytest

from include.bandit.feedback import fixed_policy
from include.bandit.replay import replay
from include.bandit.statistics import ArmStatistics, FloatArray
from include.errors import EvaluationError, FeedbackError
from tests.bandit.ope.logs import ARMS, POSITIONS, RATES, TARGET, TRUTH, draw

BATCHES = np.arange(20_000) // 2_000


def greedy(statistics: ArmStatistics) -> FloatArray:
    """Show the best mean so far, with a tenth of exploration."""
    means = (statistics.sum_r + 1.0) / (statistics.n + 2.0)
    table = np.full(means.shape, 0.1 / ARMS)
    table[np.arange(POSITIONS), means.argmax(axis=1)] += 0.9
    return table


def test_a_policy_that_does_not_learn_gets_its_own_value() -> None:
    data = draw(np.random.default_rng(0), 20_000)
    found = replay(data, BATCHES, lambda _: TARGET, np.random.default_rng(1))
    value, interval = found.value()
    assert interval.lower < TRUTH < interval.upper
    assert value == pytest.approx(TRUTH, abs=0.03)


def test_it_keeps_one_row_in_k_and_counts_them() -> None:
    data = draw(np.random.default_rng(1), 20_000)
    found = replay(data, BATCHES, greedy, np.random.default_rng(2))
    assert found.rows_kept == pytest.approx(20_000 / ARMS, rel=0.1)
    assert sum(batch.rows_seen for batch in found.batches) == data.n
    assert found.statistics.n.sum() == found.rows_kept
    assert found.statistics.sum_r.sum() == found.rewards
    assert len(found.batches) == 10


def test_a_learner_gets_better_with_the_batches() -> None:
    data = draw(np.random.default_rng(2), 20_000)
    found = replay(data, BATCHES, greedy, np.random.default_rng(3))
    late = sum(b.rewards for b in found.batches[5:]) / sum(b.rows_kept for b in found.batches[5:])
    assert late > RATES.mean() + 0.05


def test_the_learner_sees_only_earlier_batches_and_its_own_propensities() -> None:
    data = draw(np.random.default_rng(3), 4_000)
    seen: list[ArmStatistics] = []

    def learner(statistics: ArmStatistics) -> FloatArray:
        seen.append(statistics)
        return TARGET

    found = replay(data, np.arange(4_000) // 2_000, learner, np.random.default_rng(4))
    assert seen[0].n.sum() == 0
    assert seen[1].n.sum() == found.batches[0].rows_kept
    assert seen[1].sum_ip == pytest.approx(seen[1].n / TARGET)


def test_no_click_is_not_certainty() -> None:
    data = replace(draw(np.random.default_rng(4), 500), reward=np.zeros(500))
    found = replay(data, np.zeros(500, int), lambda _: TARGET, np.random.default_rng(5))
    assert found.value()[1].upper > 0.01


def test_what_replay_cannot_do_is_refused() -> None:
    data, rng = draw(np.random.default_rng(5), 500), np.random.default_rng(6)
    with pytest.raises(EvaluationError, match="uniform log only"):
        replay(replace(data, pscore=data.pscore / 2), np.zeros(500, int), greedy, rng)
    with pytest.raises(EvaluationError, match="batches for"):
        replay(data, np.zeros(3, int), greedy, rng)
    with pytest.raises(FeedbackError, match="no distribution"):
        replay(data, np.zeros(500, int), lambda _: TARGET * 2, rng)
    few = data.take(np.flatnonzero(data.arm != 0))
    nothing = replay(few, np.zeros(few.n, int), lambda _: fixed_policy(POSITIONS, ARMS, 0), rng)
    with pytest.raises(EvaluationError, match="kept 0 rows"):
        nothing.value()
