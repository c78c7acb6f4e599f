"""Σ1/p per arm ≈ N: the sample-ratio check where propensities change by the row.

For every arm Σ_i 1{A_i = k}/p_ik has mean N and a variance that Σ_i 1{A_i = k}(1/p² − 1/p)
estimates without bias. The difference is a martingale: the boundary of the confidence
sequences holds at all looks at once, asymptotically. Where one tiny propensity carries the
sum the normal approximation says nothing, and the answer is unknown.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.inference.boundary import Boundary
from include.bandit.statistics import ArmStatistics, FloatArray

# Effective rows (Σ1/p)²/Σ1/p² per arm below which a sum of weights is not nearly normal.
FEWEST_EFFECTIVE: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class PropensitySum:
    """The check after each batch, arrays ``(..., batches, K)``.

    Attributes
    ----------
    ratio
        Σ1/p / N, about 1 where logged propensities are those that were used; 0 without data.
    known
        Whether the arm has enough effective rows for a verdict.
    mismatch
        Whether Σ1/p left the band around N, where known.
    """

    ratio: FloatArray
    known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    mismatch: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def propensity_sum(
    statistics: ArmStatistics, *, alpha: float = 0.01, boundary: Boundary | None = None
) -> PropensitySum:
    """Check Σ1/p against N for every arm, with error ``alpha`` over all arms and looks.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``.
    alpha
        Divided over arms.
    boundary
        Where the band is tight.
    """
    n = statistics.n.sum(axis=-1, keepdims=True).astype(np.float64)
    if np.any(statistics.sum_ip < statistics.n * (1.0 - 1e-9)):
        raise ValueError("Σ1/p is below n: a propensity was not within (0, 1]")
    total = np.cumsum(n, axis=-2)
    inverse, squares = (
        np.cumsum(part, axis=-2) for part in (statistics.sum_ip, statistics.sum_ip2)
    )
    information = np.maximum(squares - inverse, 0.0)
    step = np.maximum(statistics.sum_ip2 - statistics.sum_ip, 0.0)
    first = np.argmax(step > 0, axis=-2, keepdims=True)
    unit = np.take_along_axis(step, first, axis=-2)
    chosen = boundary if boundary is not None else Boundary()
    radius = chosen.radius(information, unit, alpha / statistics.n.shape[-1])
    effective = inverse**2 / np.where(squares > 0, squares, 1.0)
    known = effective >= FEWEST_EFFECTIVE
    mismatch = known & (np.abs(inverse - total) > radius)
    return PropensitySum(inverse / np.maximum(total, 1.0), known, mismatch)
