"""Reward models: cross-fitted means per (arm, position), shrunk to the position's mean."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """Expected rewards q̂(arm, position), one table per fold.

    Attributes
    ----------
    mean
        Shape (F, P, K). Table f was fitted without the rows of fold f, so that the
        model's error and a row's noise are independent (cross-fitting).
    fold
        Fold of every row, shape (n,); None where there is one table for all rows.
    variance
        Posterior variance of q̂ over all rows, shape (P, K); None where the table was
        given and its error is not known.
    """

    mean: FloatArray
    fold: IntArray | None = None
    variance: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.mean.ndim != 3 or not np.all(np.isfinite(self.mean)):
            raise EvaluationError(
                f"a reward model needs finite means of shape (folds, P, K), not {self.mean.shape}"
            )

    @classmethod
    def given(cls, table: FloatArray) -> Self:
        """Use a table, shape (P, K), that was not fitted on these rows."""
        return cls(mean=np.asarray(table, dtype=np.float64)[np.newaxis])


def time_folds(n: int, folds: int = 5) -> IntArray:
    """Return contiguous folds of a log in the order of time, shape (n,)."""
    return np.arange(n, dtype=np.int64) * min(folds, n) // n


def unit_folds(cluster: IntArray, folds: int = 5) -> IntArray:
    """Return folds that never part the rows of one unit, shape (n,).

    Units are dealt out in the order of their labels.
    """
    codes = np.unique(cluster, return_inverse=True)[1]
    return np.asarray(codes % min(folds, int(codes.max()) + 1), dtype=np.int64)


def cross_fit(
    feedback: Feedback, folds: int = 5, by: Literal["time", "unit"] | None = None
) -> RewardModel:
    """Fit one table per fold on the rows of all other folds.

    Parameters
    ----------
    feedback
        The log, in the order of time.
    folds
        Number of folds; at least 2.
    by
        Contiguous stretches of time, or whole units. By default units where the
        log has clusters, since a unit's rows on both sides would leak.
    """
    if feedback.cluster is not None and by != "time":
        fold = unit_folds(feedback.cluster, folds)
    elif by == "unit":
        raise EvaluationError("folds by unit need a log with clusters")
    else:
        fold = time_folds(feedback.n, folds)
    return cross_fit_sums(feedback.sums(fold), fold)


def cross_fit_sums(statistics: ArmStatistics, fold: IntArray | None = None) -> RewardModel:
    """Fit from sums of shape (F, P, K), as the batches of an experiment: batches are folds."""
    if statistics.n.ndim != 3 or len(statistics.n) < 2:
        raise EvaluationError(
            f"cross-fitting needs sums by (folds ≥ 2, P, K), not of shape {statistics.n.shape}"
        )
    n, reward = statistics.n.sum(axis=0), statistics.sum_r.sum(axis=0)
    square = statistics.sum_r2.sum(axis=0)
    tables = [
        shrunk_means(n - own_n, reward - own_r, square - own_r2)[0]
        for own_n, own_r, own_r2 in zip(
            statistics.n, statistics.sum_r, statistics.sum_r2, strict=True
        )
    ]
    return RewardModel(np.stack(tables), fold, shrunk_means(n, reward, square)[1])


def shrunk_means(
    n: IntArray, reward: FloatArray, square: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return posterior means and variances per cell under a normal empirical-Bayes prior.

    The prior of a position is its mean reward; the variance between its arms, τ², is
    estimated by moments (Morris 1983) and the noise within cells, σ², is pooled:
    q̂ = (Σr + mμ) / (n + m), m = σ² / τ². A cell without rows gets the prior.

    Parameters
    ----------
    n, reward, square
        Rows, Σr and Σr² per cell, shape (P, K).
    """
    total = np.maximum(n.sum(axis=1, keepdims=True), 1)
    mean = reward.sum(axis=1, keepdims=True) / total
    noise = np.maximum(square.sum(axis=1, keepdims=True) / total - mean**2, 0.0)
    # E Σ n (r̄ − μ)² = (K − 1) σ² + τ² (N − Σn²/N)
    spread = (n * (reward / np.maximum(n, 1) - mean) ** 2).sum(axis=1, keepdims=True)
    used = np.count_nonzero(n, axis=1, keepdims=True)
    scale = np.maximum(total - (n.astype(float) ** 2).sum(axis=1, keepdims=True) / total, 1.0)
    between = np.maximum((spread - np.maximum(used - 1, 0) * noise) / scale, 0.0)
    # No visible spread is no proof of none: the prior is never worth more than 10 average arms.
    floor = noise * n.shape[1] / (10.0 * total)
    between = np.maximum(between, floor)
    strength = np.divide(noise, between, out=np.ones_like(noise), where=between > 0)
    posterior = (reward + strength * mean) / (n + strength)
    return posterior, noise / (n + strength)
