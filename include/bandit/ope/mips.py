"""Marginalised IPS on item features (Saito & Joachims 2202.06317).

Arms with equal features form a group e; a row is weighted by the mean weight of its
group, w(e) = E[w | e], instead of its arm's: V̂ = (1/n) Σ_e n_e w̄_e r̄_e. Unbiased when
the arm acts on the reward only through its group; the fewer groups, the smaller the
variance and the stronger that assumption.
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.feedback import Feedback, check_policy
from include.bandit.ope.units import UnitRows
from include.bandit.ope.weighted_log import mean_variance
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError, FeedbackError

NAME = "mips"


@dataclass(frozen=True, slots=True)
class Marginal:
    """Value, variance, and the (Σw)²/Σw² of the marginal weights."""

    value: float
    variance: float
    effective_sample_size: float
    groups: int


def group_arms(features: FloatArray | IntArray) -> IntArray:
    """Give arms with equal rows of features the same group, shape (K, d) → (K,)."""
    return np.asarray(np.unique(features, axis=0, return_inverse=True)[1], np.int64).reshape(-1)


def estimate(
    data: Feedback | ArmStatistics,
    policy: FloatArray,
    groups: IntArray,
    units: UnitRows | None = None,
) -> Marginal:
    """Estimate by groups within positions.

    The influence of a row is w̄ r + r̄ w − w̄ r̄ − V̂, which counts the estimation of w̄ too.

    Parameters
    ----------
    data
        Rows, or sums of shape (P, K) or (F, P, K).
    policy
        Table of shape (P, K).
    groups
        Group of every arm, shape (K,).
    units
        The rows behind sums, where units come again.
    """
    sums = data.sums() if isinstance(data, Feedback) else data
    if sums.n.ndim == 3:
        sums = sums.pooled(axis=0)
    check_policy(policy, (sums.n.shape[0], sums.n.shape[1]))
    if groups.shape != (sums.n.shape[1],):
        raise FeedbackError(f"{groups.shape} groups for {sums.n.shape[1]} arms")
    n, weight, reward = (
        _by_group(column, groups) for column in (sums.n, policy * sums.sum_ip, sums.sum_r)
    )
    rows = np.maximum(n, 1)
    w, r = weight / rows, reward / rows
    value = float((n * w * r).sum() / n.sum())
    group_of = np.unique(groups, return_inverse=True)[1]

    def influence(_fold: IntArray, log: Feedback) -> FloatArray:
        at = (log.position, group_of[log.arm])
        own = policy[log.position, log.arm] / log.pscore
        return np.asarray(w[at] * log.reward + r[at] * own - w[at] * r[at] - value)

    if units is not None:
        variance = units.variance(influence)
    elif isinstance(data, Feedback) and data.cluster is not None:
        variance = mean_variance(influence(data.arm, data), data.cluster)
    else:
        variance = _variance(sums, policy, groups, (n, w, r), value)
    ess = float((n * w).sum()) ** 2 / float((n * w * w).sum()) if weight.any() else 0.0
    return Marginal(value, variance, ess, int(np.unique(groups).size))


def _variance(
    sums: ArmStatistics,
    policy: FloatArray,
    groups: IntArray,
    means: tuple[FloatArray, FloatArray, FloatArray],
    value: float,
) -> float:
    """Square the influence by sums; Σw = n w̄ and Σr = n r̄ fold its last four products to −3."""
    n, w, r = means
    total = float(n.sum())
    if total < 2:
        raise EvaluationError("a variance needs two independent rows")
    squares = (
        w**2 * _by_group(sums.sum_r2, groups)
        + r**2 * _by_group(policy**2 * sums.sum_ip2, groups)
        + 2.0 * w * r * _by_group(policy * sums.sum_r_ip, groups)
        - 3.0 * n * (w * r) ** 2
    )
    return max(float(squares.sum()) - total * value**2, 0.0) / (total * (total - 1.0))


def _by_group(cells: FloatArray | IntArray, groups: IntArray) -> FloatArray:
    """Sum cells (P, K) over the arms of each group, shape (P, E)."""
    member = groups[:, np.newaxis] == np.unique(groups)
    return np.asarray(cells @ member.astype(float))
