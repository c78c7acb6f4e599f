"""Regret on a log, against a best arm that nobody knows."""

import numpy as np
import pytest

from include.bandit.feedback import Feedback
from include.bandit.regret import gap, regret_curve
from include.bandit.statistics import ArmStatistics
from include.errors import EvaluationError
from tests.bandit.ope.logs import ARMS, POSITIONS, RATES, TARGET, TRUTH, draw

# Arm 2 is the best in both positions.
BEST = float(RATES[:, 2].mean())


def batches(data: Feedback, number: int = 5) -> ArmStatistics:
    return data.sums(np.arange(data.n) * number // data.n)


def test_the_interval_holds_the_true_gap() -> None:
    missed = 0
    for seed in range(40):
        statistics = batches(draw(np.random.default_rng(seed), 3_000))
        missed += BEST - TRUTH not in gap(statistics, TARGET).interval
        missed += BEST - RATES.mean() not in gap(statistics).interval
    # Of 80 at 5 % each; Bonferroni makes it fewer.
    assert missed <= 10


def test_the_best_arm_has_no_gap_to_itself() -> None:
    best = np.tile(np.eye(ARMS)[2], (POSITIONS, 1))
    found = gap(batches(draw(np.random.default_rng(0), 20_000)), best)
    assert found.differences[2] == pytest.approx(0.0, abs=1e-12)
    assert found.candidates.tolist() == [2]
    assert found.interval.lower <= 0.0 <= found.interval.upper
    assert found.estimate == pytest.approx(0.0, abs=1e-12)


def test_among_equal_arms_the_luckiest_is_no_benchmark() -> None:
    rng = np.random.default_rng(1)
    lucky, fair = [], []
    for _ in range(60):
        arm = rng.integers(0, 10, 2_000)
        data = Feedback.of(arm, (rng.random(2_000) < 0.1).astype(float), [0.1] * 2_000, arms=10)
        found = gap(batches(data))
        lucky.append(found.differences.max())
        fair.append(found.estimate)
        assert len(found.candidates) >= 8
    # All arms are equal, so the true gap is 0.
    assert np.mean(lucky) > 0.02
    assert abs(np.mean(fair)) < 4 * np.std(fair) / np.sqrt(60)


def test_the_curve_ends_at_rows_times_the_gap() -> None:
    statistics = batches(draw(np.random.default_rng(2), 10_000))
    estimate, lower, upper = regret_curve(statistics)
    whole = gap(statistics)
    assert estimate[-1] == pytest.approx(10_000 * whole.estimate)
    assert lower[-1] == pytest.approx(10_000 * whole.interval.lower)
    assert upper[-1] == pytest.approx(10_000 * whole.interval.upper)
    # A uniform policy does not learn: its regret grows with the rows.
    assert np.all(np.diff(estimate) > 0)
    assert np.all((lower <= estimate) & (estimate <= upper))


def test_an_arm_without_a_click_is_not_certain() -> None:
    rng = np.random.default_rng(3)
    arm = rng.integers(0, 3, 300)
    data = Feedback.of(
        arm, ((rng.random(300) < 0.1) & (arm != 0)).astype(float), [1 / 3] * 300, arms=3
    )
    found = gap(batches(data))
    assert found.upper[0] - found.lower[0] > 0.05


def test_one_batch_is_too_few_to_cross_fit() -> None:
    with pytest.raises(EvaluationError, match="cross-fitting needs"):
        gap(batches(draw(np.random.default_rng(4), 500), 1))
