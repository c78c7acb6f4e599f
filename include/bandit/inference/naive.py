"""The naive difference of means, for the reader to see the gap; wrong under adaptive allocation.

It treats the pooled sample as if arms had been assigned once, by fixed shares. Under a bandit an
arm that had bad luck is sampled less and keeps its bad mean: estimates are biased downwards and
intervals cover less than they say (docs/studies/coverage.md). Peeking adds to it.
"""

import numpy as np

from include.bandit.inference.interval import FixedTime, sides
from include.bandit.inference.scores import check
from include.bandit.inference.sequence import Pairs
from include.bandit.statistics import ArmStatistics


def naive(statistics: ArmStatistics, pairs: Pairs, *, alpha: float = 0.05) -> FixedTime:
    """Return differences of sample means pooled over batches, with Welch's standard error.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``.
    pairs
        Index pairs (a, b).
    alpha
        Two-sided level at one look.
    """
    check(statistics)
    a, b = sides(pairs, statistics.n.shape[-1])
    pooled = statistics.pooled(-2)
    enough = pooled.n > 1
    n = np.where(enough, pooled.n, 2).astype(np.float64)
    mean = pooled.sum_r / n
    spread = np.maximum(pooled.sum_r2 - n * mean**2, 0.0) / (n - 1.0)
    variance = np.where(enough, spread / n, np.inf)
    return FixedTime.around(
        pairs, mean[..., a] - mean[..., b], variance[..., a] + variance[..., b], alpha
    )
