"""An interval for one look only: valid when the look was fixed beforehand, not under peeking."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtri

from include.bandit.inference.sequence import Pairs
from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class FixedTime:
    """Normal intervals of differences, arrays ``(..., pairs)``.

    Attributes
    ----------
    pairs
        (a, b) per last index; the effect is μ_a − μ_b.
    estimate
        Point estimates; 0 where nothing is known.
    standard_error
        Infinite where nothing is known.
    lower, upper
        Ends of the two-sided 1 − α interval.
    """

    pairs: Pairs
    estimate: FloatArray
    standard_error: FloatArray
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def around(cls, pairs: Pairs, estimate: FloatArray, variance: FloatArray, alpha: float) -> Self:
        """Build the interval; a variance of infinity or zero says that nothing is known."""
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha {alpha} is not within (0, 1)")
        known = np.isfinite(variance) & (variance > 0)
        error = np.where(known, np.sqrt(np.where(known, variance, 1.0)), np.inf)
        center = np.where(known, estimate, 0.0)
        reach = -ndtri(alpha / 2.0) * error
        return cls(pairs, center, error, center - reach, center + reach)


def sides(pairs: Pairs, arms: int) -> tuple[list[int], list[int]]:
    """Split pairs into the indices of both sides, refusing those that name no two arms."""
    if not pairs or any(a == b or not (0 <= a < arms and 0 <= b < arms) for a, b in pairs):
        raise ValueError(f"pairs {pairs} do not name two of {arms} arms each")
    return [a for a, _ in pairs], [b for _, b in pairs]
