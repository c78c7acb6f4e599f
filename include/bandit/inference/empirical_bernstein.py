"""Empirical-Bernstein confidence sequence (Waudby-Smith & Ramdas 2010.09686, Theorem 2).

For bounded rewards, valid at every sample size: no central limit theorem. With d_i the
augmented score of a − b, x_t its predictable centre and c_t ≥ x_t − min d,

    exp(Σ_t λ_t Σ_i (d_i − θ) − Σ_t ψ(λ_t c_t)/c_t² Σ_i (d_i − x_t)²),  ψ(u) = −log(1 − u) − u,

is a supermartingale for λ_t < 1/c_t (Fan et al. 2015; Howard et al. 1810.08240, Lemma 4). It is
wide where a share is small, since c ≈ 1/p; `betting` is sharper for 0/1 rewards.
"""

from typing import Final

import numpy as np

from include.bandit.inference.interval import sides
from include.bandit.inference.scores import Scores, scores
from include.bandit.inference.sequence import Pairs
from include.bandit.statistics import ArmStatistics, FloatArray

_LARGEST_BET: Final = 0.5


def empirical_bernstein(
    statistics: ArmStatistics,
    pairs: Pairs,
    shares: FloatArray,
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    alpha: float = 0.05,
    tuned: float = 5.0,
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper ends ``(..., batches, pairs)`` at two-sided level ``alpha`` per pair.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``.
    pairs
        Index pairs (a, b).
    shares
        Published shares; a propensity that changes by the row has no known bound.
    bounds
        Smallest and largest reward of a unit.
    alpha
        Two-sided error probability over all looks.
    tuned
        Batches after which the sequence is tightest.
    """
    a, b = sides(pairs, statistics.n.shape[-1])
    widest = bounds[1] - bounds[0]
    found = scores(statistics, shares, first=(bounds[0], 0.25 * widest**2))
    lower = _one_side(found, (a, b), bounds, alpha, tuned)
    mirrored = _one_side(found, (b, a), bounds, alpha, tuned)
    return np.maximum(lower, -widest), np.minimum(-mirrored, widest)


def _one_side(
    found: Scores,
    pair: tuple[list[int], list[int]],
    bounds: tuple[float, float],
    alpha: float,
    tuned: float,
) -> FloatArray:
    a, b = pair
    usable = found.supported[..., a] & found.supported[..., b] & (found.total > 0)
    shift = found.mean[..., a] - found.mean[..., b]
    error = found.residual[..., a] - found.residual[..., b]
    # The centre is the predictable difference, so that only the residuals have to be bounded.
    reach = np.maximum(
        (found.mean[..., a] - bounds[0]) * found.inverse[..., a],
        (bounds[1] - found.mean[..., b]) * found.inverse[..., b],
    )
    # Without a single reward so far the variance would be zero, and the bet reckless.
    smallest = 1e-3 * (bounds[1] - bounds[0]) ** 2
    spread = np.maximum(found.variance, smallest) * found.inverse
    variance = spread[..., a] + spread[..., b]
    expected = np.maximum(tuned * found.total, 1.0)
    bet = np.sqrt(2.0 * np.log(2.0 / alpha) / (variance * expected))
    bet = np.where(usable, np.minimum(bet, _LARGEST_BET / np.maximum(reach, 1e-12)), 0.0)
    scaled = np.minimum(bet * reach, _LARGEST_BET)
    charge = np.where(scaled > 0, (-np.log1p(-scaled) - scaled) / np.maximum(reach, 1e-12) ** 2, 0)
    squares = found.residual2[..., a] + found.residual2[..., b]
    gained = np.cumsum(bet * (found.total * shift + error) - charge * squares, axis=-2)
    mass = np.cumsum(bet * found.total, axis=-2)
    known = mass > 0
    return np.where(known, (gained - np.log(2.0 / alpha)) / np.where(known, mass, 1.0), -np.inf)
