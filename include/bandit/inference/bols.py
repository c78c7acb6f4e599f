"""Batched ordinary least squares (Zhang, Janson, Murphy 2002.03217).

Within a batch, shares are fixed, so that the difference of means is nearly normal given the
past, however the shares came about. The batches' standardised differences add:

    (1/√T) Σ_t (Δ̂_t − Δ) / s_t  →  N(0, 1),   s_t² = σ̂_a²/n_ta + σ̂_b²/n_tb   (Theorem 3).

For a constant effect Δ that gives the estimate Σ Δ̂_t/s_t / Σ 1/s_t with the standard error
√T / Σ 1/s_t. It holds at one look that was fixed beforehand, needs many units of both arms in
every batch (a starved arm of ten units is not normal), and gives every batch the same
weight, which is less efficient than the sequence's weights.
"""

from typing import Final

import numpy as np

from include.bandit.inference.interval import FixedTime, sides
from include.bandit.inference.scores import check
from include.bandit.inference.sequence import Pairs
from include.bandit.statistics import ArmStatistics

# A batch with fewer units of an arm has no normal mean; it is left out.
FEWEST: Final = 2


def bols(statistics: ArmStatistics, pairs: Pairs, *, alpha: float = 0.05) -> FixedTime:
    """Return the BOLS estimate and interval of every pair.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``; batches are strata.
    pairs
        Index pairs (a, b).
    alpha
        Two-sided level at one look.
    """
    check(statistics)
    a, b = sides(pairs, statistics.n.shape[-1])
    pooled = statistics.pooled(-2)
    some = np.maximum(pooled.n, 1)
    variance = np.maximum(pooled.sum_r2 / some - (pooled.sum_r / some) ** 2, 0.0)[..., None, :]
    used = statistics.n >= FEWEST
    n = np.where(used, statistics.n, 1).astype(np.float64)
    mean = statistics.sum_r / n
    square = variance / n
    spread = square[..., a] + square[..., b]
    usable = used[..., a] & used[..., b] & (spread > 0)
    precision = np.where(usable, 1.0 / np.sqrt(np.where(usable, spread, 1.0)), 0.0)
    total = precision.sum(axis=-2)
    batches = usable.sum(axis=-2)
    known = total > 0
    safe = np.where(known, total, 1.0)
    estimate = (precision * (mean[..., a] - mean[..., b])).sum(axis=-2) / safe
    return FixedTime.around(pairs, estimate, np.where(known, batches / safe**2, np.inf), alpha)
