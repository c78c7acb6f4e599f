"""Regret on a log: how much below the best fixed arm, when nobody knows which arm that is.

Each arm's value is estimated by DR. The best observed mean is no benchmark: it is the
luckiest of K, and regret against it is too large by the winner's curse. Here all K
differences get simultaneous intervals, and the largest value lies between their largest
lower and largest upper ends, whichever arm is best. Simulated regret, where the truth is
known, is in `include.bandit.simulation`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from include.bandit.feedback import check_policy
from include.bandit.ope import dr
from include.bandit.ope.estimate import Interval
from include.bandit.ope.estimator import Point, point
from include.bandit.ope.weighted_log import contrast
from include.bandit.reward_model import RewardModel, cross_fit_sums
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Value of the best fixed arm minus the value of a policy.

    Attributes
    ----------
    estimate
        The arm that is best in the other folds, valued in this one (no row chooses the arm that it
        values): unbiased for the value of the arms so chosen, which is at most that of the best.
    interval
        Holds the true gap with at least its level, whichever arm is best.
    differences
        DR estimate of every arm's value minus the policy's, shape (K,).
    lower, upper
        Simultaneous interval of every difference, shape (K,).
    candidates
        Arms that may be the best: whose upper end reaches the largest lower end.
    """

    estimate: float
    interval: Interval
    differences: FloatArray
    lower: FloatArray
    upper: FloatArray
    candidates: IntArray


def gap(statistics: ArmStatistics, policy: FloatArray | None = None, level: float = 0.95) -> Gap:
    """Compare a policy with the best fixed arm.

    Parameters
    ----------
    statistics
        Sums of shape (F, P, K): batches as folds, at least two.
    policy
        Table of shape (P, K); None for the policies that logged, whose value is their mean reward.
    level
        Confidence that the interval holds the gap (Bonferroni over the arms).
    """
    model = cross_fit_sums(statistics)
    shape = (statistics.n.shape[1], statistics.n.shape[2])
    base = np.zeros(shape)
    if policy is not None:
        check_policy(policy, shape)
        base = policy
    values, errors = _differences(statistics, base, model)
    chosen = np.stack([_always(shape, arm) - base for arm in _best_elsewhere(statistics, model)])
    estimate = _difference(statistics, chosen, model).value
    if policy is None:
        logged, logged_error = _logged(statistics)
        # The covariance with the logged mean is not in the sums; the errors' sum bounds it.
        values, errors, estimate = values - logged, errors + logged_error, estimate - logged
    lower, upper = _simultaneous(values, errors, level)
    return Gap(
        estimate=estimate,
        interval=Interval("normal", level, float(lower.max()), float(upper.max())),
        differences=values,
        lower=lower,
        upper=upper,
        candidates=np.flatnonzero(upper >= lower.max()),
    )


def regret_curve(
    statistics: ArmStatistics, level: float = 0.95
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the cumulative regret of the logged decisions after every batch, with a band.

    n_b (max_k V_k − r̄_b), where n_b and r̄_b run over the first b batches and V_k is
    estimated from the whole log. The band holds at each batch with at least ``level``.

    Parameters
    ----------
    statistics
        Sums of shape (B, P, K), in the order of the batches, at least two.

    Returns
    -------
    estimate, lower, upper
        Each of shape (B,).
    """
    model = cross_fit_sums(statistics)
    shape = (statistics.n.shape[1], statistics.n.shape[2])
    values, errors = _differences(statistics, np.zeros(shape), model)
    chosen = np.stack([_always(shape, arm) for arm in _best_elsewhere(statistics, model)])
    best = _difference(statistics, chosen, model).value
    curve = np.zeros((3, len(statistics.n)))
    for batch in range(len(statistics.n)):
        logged, logged_error = _logged(statistics, batch + 1)
        lower, upper = _simultaneous(values - logged, errors + logged_error, level)
        rows = statistics.n[: batch + 1].sum()
        curve[:, batch] = rows * np.array([best - logged, lower.max(), upper.max()])
    return curve[0], curve[1], curve[2]


def _differences(
    statistics: ArmStatistics, base: FloatArray, model: RewardModel
) -> tuple[FloatArray, FloatArray]:
    """Return every arm's value minus the base's, and standard errors, each of shape (K,).

    A variance is never below that of rewards as noisy as the position's: an arm
    without a click would else look certain.
    """
    n, rows = statistics.n.sum(axis=(0, 2)), statistics.n.sum()
    mean = statistics.sum_r.sum(axis=(0, 2)) / np.maximum(n, 1)
    noise = np.maximum(statistics.sum_r2.sum(axis=(0, 2)) / np.maximum(n, 1) - mean**2, 0.0)
    squares = noise[:, np.newaxis] * statistics.sum_ip2.sum(axis=0) / rows**2
    values, errors = np.empty(base.shape[1]), np.empty(base.shape[1])
    for arm in range(base.shape[1]):
        table = _always(base.shape, arm) - base
        made = _difference(statistics, table, model)
        values[arm] = made.value
        errors[arm] = np.sqrt(max(made.variance, float((table**2 * squares).sum())))
    return values, errors


def _difference(statistics: ArmStatistics, table: FloatArray, model: RewardModel) -> Point:
    return point(dr, contrast(statistics, table, model))


def _always(shape: tuple[int, ...], arm: int) -> FloatArray:
    table = np.zeros(shape)
    table[:, arm] = 1.0
    return table


def _best_elsewhere(statistics: ArmStatistics, model: RewardModel) -> list[int]:
    """Return, per fold, the arm whose modelled value in the other folds is largest."""
    share = statistics.n.sum(axis=(0, 2)) / statistics.n.sum()
    return [int(arm) for arm in np.argmax(np.einsum("p,fpk->fk", share, model.mean), axis=1)]


def _logged(statistics: ArmStatistics, batches: int | None = None) -> tuple[float, float]:
    """Return the mean reward of the first batches and its standard error."""
    n = int(statistics.n[:batches].sum())
    if n < 2:
        raise EvaluationError(f"{n} logged rows make no mean with an error")
    mean = float(statistics.sum_r[:batches].sum()) / n
    square = float(statistics.sum_r2[:batches].sum()) / n
    return mean, float(np.sqrt(max(square - mean**2, 0.0) / (n - 1)))


def _simultaneous(
    values: FloatArray, errors: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    half = ndtri(1.0 - (1.0 - level) / (2.0 * len(values))) * errors
    return values - half, values + half
