"""Mean and band of curves over replications."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """A curve over time: the mean over replications, its Monte-Carlo error and the spread.

    Attributes
    ----------
    mean
        Shape ``(time,)``.
    error
        Half-width of the 95 % Monte-Carlo interval of the mean.
    low, high
        10 % and 90 % quantiles over replications: where single runs lie.
    """

    mean: FloatArray
    error: FloatArray
    low: FloatArray
    high: FloatArray


def band(curves: FloatArray) -> Band:
    """Summarise curves ``(replications, time)``."""
    if curves.ndim != 2 or len(curves) < 2:
        raise ValueError(f"a band needs at least two replications; got shape {curves.shape}")
    error = -ndtri(0.025) * curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
    low, high = np.quantile(curves, [0.1, 0.9], axis=0)
    return Band(curves.mean(axis=0), np.asarray(error), low, high)
