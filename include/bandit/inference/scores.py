"""Augmented inverse-propensity scores with predictable means, summed per batch.

For unit i and arm k the score φ_ik = m_k + 1{A_i = k}(r_i − m_k)/p_ik has mean μ_k given
everything before the batch, whatever m_k is, provided that m_k was fixed before
(Robins et al. 1994; mixture adaptive design: Liang & Bojinov 2311.05794). A
contrast is Σ_k c_k φ_ik, and its sum and sum of squares need only Allot's sums.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.statistics import ArmStatistics, FloatArray, IntArray

# Pseudo-observations that pull an arm's predictable mean and variance to the pool of all arms.
SHRINKAGE: Final = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Sums of augmented scores, arrays ``(..., batches, K)`` (``total``: last axis 1).

    Attributes
    ----------
    total
        N, observations of the batch over all arms.
    mean
        m_k, predictable: from earlier batches, shrunk to the pool of arms.
    variance
        v_k, predictable variance of a reward of the arm.
    inverse
        Mean of 1/p_k over the batch's units: exact from published shares, else predicted.
    residual, residual2
        Σ(r − m)/p and Σ(r − m)²/p² over the arm's observations.
    supported
        Whether the arm had a share in the batch.
    """

    total: FloatArray
    mean: FloatArray
    variance: FloatArray
    inverse: FloatArray
    residual: FloatArray
    residual2: FloatArray
    supported: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def scores(
    statistics: ArmStatistics,
    shares: FloatArray | None = None,
    first: tuple[float, float] | None = None,
) -> Scores:
    """Sum the augmented scores of every arm in every batch.

    The first batch has no past. Unless ``first`` is given, its own pooled mean over arms
    stands in, which shifts a contrast by O(1/N) only, since the scores' derivative in a
    common m has mean zero: harmless for asymptotic methods, not allowed for exact ones.

    Parameters
    ----------
    statistics
        Sums, shape ``(..., batches, K)``.
    shares
        Published shares of the same shape; ``None`` where propensities change by the row.
    first
        Mean and variance assumed until something was observed.

    Raises
    ------
    ValueError
        If there is one arm only, the sums contradict each other, or shares are no shares.
    """
    check(statistics, shares)
    total = statistics.n.sum(axis=-1, keepdims=True).astype(np.float64)
    mean, variance = _predictable(statistics, first)
    residual = statistics.sum_r_ip - mean * statistics.sum_ip
    residual2 = (
        statistics.sum_r2_ip2 - 2.0 * mean * statistics.sum_r_ip2 + mean**2 * statistics.sum_ip2
    )
    if shares is None:
        inverse = _predicted_inverse(statistics, total)
        supported = np.ones(statistics.n.shape, np.bool_)
    else:
        supported = shares > 0
        inverse = 1.0 / np.where(supported, shares, 1.0)
    return Scores(total, mean, variance, inverse, residual, np.maximum(residual2, 0.0), supported)


def check(statistics: ArmStatistics, shares: FloatArray | None = None) -> None:
    """Refuse sums from which no effect can be estimated.

    Raises
    ------
    ValueError
        If there is no batch axis or only one arm, Σ1/p < n (a propensity outside (0, 1]),
        Σr² is negative, an arm without observations has sums, or shares do not fit.
    """
    n = statistics.n
    if n.ndim < 2 or n.shape[-1] < 2:
        raise ValueError(f"effects need shape (..., batches, arms ≥ 2); got {n.shape}")
    if np.any(statistics.sum_ip < n * (1.0 - 1e-9)):
        raise ValueError("Σ1/p is below n: a propensity was not within (0, 1]")
    if np.any(statistics.sum_r2 < 0) or np.any(statistics.sum_r2_ip2 < 0):
        raise ValueError("a sum of squares is negative")
    if np.any((n == 0) & ((statistics.sum_r != 0) | (statistics.sum_ip != 0))):
        raise ValueError("an arm without observations has rewards or propensities")
    if shares is not None:
        _check_shares(n, shares)


def before(array: FloatArray) -> FloatArray:
    """Sum over earlier batches only (axis −2): what was known before each batch."""
    past = np.zeros_like(array, dtype=np.float64)
    np.cumsum(array[..., :-1, :], axis=-2, out=past[..., 1:, :])
    return past


def shrunk(n: FloatArray, sum_r: FloatArray, sum_r2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance per arm, shrunk to the pool of arms by `SHRINKAGE` observations."""
    all_n = n.sum(axis=-1, keepdims=True)
    some = np.maximum(all_n, 1.0)
    pool_mean = sum_r.sum(axis=-1, keepdims=True) / some
    pool_variance = np.maximum(sum_r2.sum(axis=-1, keepdims=True) / some - pool_mean**2, 0.0)
    mean = (sum_r + SHRINKAGE * pool_mean) / (n + SHRINKAGE)
    within = sum_r2 - 2.0 * mean * sum_r + n * mean**2
    variance = (np.maximum(within, 0.0) + SHRINKAGE * pool_variance) / (n + SHRINKAGE)
    return mean, variance


def _predictable(
    statistics: ArmStatistics, first: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray]:
    n = statistics.n.astype(np.float64)
    past_n, past_r = before(n), before(statistics.sum_r)
    past_r2 = before(statistics.sum_r2)
    # Until something was observed, the batch's own pool over arms (the same for every arm).
    fresh = past_n.sum(axis=-1, keepdims=True) == 0
    arms = n.shape[-1]
    own = [
        np.where(fresh, sums.sum(axis=-1, keepdims=True) / arms, past)
        for sums, past in ((n, past_n), (statistics.sum_r, past_r), (statistics.sum_r2, past_r2))
    ]
    mean, variance = shrunk(*own)
    if first is None:
        return mean, variance
    return np.where(fresh, first[0], mean), np.where(fresh, first[1], variance)


def _predicted_inverse(statistics: ArmStatistics, total: FloatArray) -> FloatArray:
    past, past_total = before(statistics.sum_ip2), before(total)
    fresh = past_total == 0
    some = np.where(fresh, np.maximum(total, 1.0), past_total)
    mean = np.where(fresh, statistics.sum_ip2, past) / some
    return np.maximum(mean, 1.0)


def _check_shares(n: IntArray, shares: FloatArray) -> None:
    if shares.shape != n.shape:
        raise ValueError(f"shares have shape {shares.shape}, statistics {n.shape}")
    if not np.all(np.isfinite(shares)) or np.any(shares < 0) or np.any(shares > 1):
        raise ValueError("a share is not within [0, 1]")
    if np.any((shares == 0) & (n > 0)):
        raise ValueError("an arm has observations in a batch in which it had no share")
