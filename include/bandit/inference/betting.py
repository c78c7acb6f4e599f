"""Betting confidence sequence for 0/1 rewards (Waudby-Smith & Ramdas 2010.09686, Section 4).

Whoever believes that the effect a − b is θ offers fair bets on every augmented score d_i: the
capital Π_i (1 + λ_t (d_i − θ)) is a martingale for any λ_t known before the batch. The
sequence is the set of θ against which neither a bet upwards nor one downwards multiplied its
stake by 2/α. It is valid at every sample size, for any floor: the one to read while
counts are small. Within a batch the score takes five values, so that the
capital needs counts only.
"""

from typing import Final

import numpy as np

from include.bandit.inference.interval import sides
from include.bandit.inference.scores import Scores, scores
from include.bandit.statistics import ArmStatistics, FloatArray

_LARGEST_BET: Final = 0.5
# Stakes are split over bets of several sizes, so that no single horizon has to be guessed.
_SIZES: Final = (0.25, 0.5, 1.0, 2.0)
# Effects that are tried: 1e-5 apart at zero, 1e-2 at the ends.
_GRID: Final = np.sinh(np.linspace(-1.0, 1.0, 1201) * np.arcsinh(4e3)) / 4e3


def betting(
    statistics: ArmStatistics,
    pair: tuple[int, int],
    shares: FloatArray,
    *,
    alpha: float = 0.05,
    tuned: float = 5.0,
) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper ends ``(batches,)`` of one effect at two-sided level ``alpha``.

    Parameters
    ----------
    statistics
        Sums ``(batches, K)`` of 0/1 rewards.
    pair
        Indices (a, b).
    shares
        Published shares ``(batches, K)``.
    alpha
        Error probability over all looks.
    tuned
        Batches around which the bets are sized.

    Raises
    ------
    ValueError
        If rewards are not 0/1: Σr ≠ Σr², or Σr > n.
    """
    against = np.log(2.0 / alpha)
    up, down = log_capital(statistics, pair, shares, _GRID, alpha=alpha, tuned=tuned)
    lower = np.where(up >= against, _GRID, -1.0).max(axis=-1)
    upper = np.where(down >= against, _GRID, 1.0).min(axis=-1)
    return lower, upper


def log_capital(
    statistics: ArmStatistics,
    pair: tuple[int, int],
    shares: FloatArray,
    effects: FloatArray,
    *,
    alpha: float = 0.05,
    tuned: float = 5.0,
) -> tuple[FloatArray, FloatArray]:
    """Return the log capital of betting above and below each effect, ``(..., batches, effects)``.

    Parameters
    ----------
    statistics, shares
        Arrays ``(..., batches, K)``.
    effects
        Values in [−1, 1] against which is bet, shape ``(effects,)``.
    """
    if not np.array_equal(statistics.sum_r, statistics.sum_r2) or np.any(
        statistics.sum_r > statistics.n
    ):
        raise ValueError("betting needs 0/1 rewards per unit: Σr = Σr² ≤ n")
    a, b = (side[0] for side in sides((pair,), statistics.n.shape[-1]))
    found = scores(statistics, shares, first=(0.0, 0.25))
    values, counts = _outcomes(statistics, found, a, b)
    usable = found.supported[..., a] & found.supported[..., b]
    counts = np.where(usable[..., None], counts, 0.0)
    # Without a single reward so far the variance would be zero, and the bet reckless.
    spread = np.maximum(found.variance, 1e-3) * found.inverse
    variance = spread[..., a] + spread[..., b]
    expected = np.maximum(tuned * found.total[..., 0], 1.0)
    size = np.sqrt(2.0 * np.log(2.0 / alpha) / (variance * expected))
    return tuple(  # type: ignore[return-value]
        _capital(sign * values, counts, size, sign * np.asarray(effects)) for sign in (1.0, -1.0)
    )


def _outcomes(
    statistics: ArmStatistics, found: Scores, a: int, b: int
) -> tuple[FloatArray, FloatArray]:
    """Return the five values of a score in a batch, and how often each occurred."""
    base = found.mean[..., a] - found.mean[..., b]
    values, counts = [base], [found.total[..., 0]]
    for arm, sign in ((a, 1.0), (b, -1.0)):
        won = statistics.sum_r[..., arm]
        lost = statistics.n[..., arm] - won
        for reward, count in ((1.0, won), (0.0, lost)):
            residual = (reward - found.mean[..., arm]) * found.inverse[..., arm]
            values.append(base + sign * residual)
            counts.append(count)
        counts[0] = counts[0] - statistics.n[..., arm]
    return np.stack(values, axis=-1), np.stack(counts, axis=-1)


def _capital(
    values: FloatArray, counts: FloatArray, size: FloatArray, effects: FloatArray
) -> FloatArray:
    """Return log of the mean capital over bet sizes, betting that the score exceeds each effect."""
    # No bet may lose all, whatever effect in [−1, 1] is true; then capital falls as θ rises.
    most = _LARGEST_BET / (1.0 + np.maximum(-values.min(axis=-1), 0.0))
    paths = []
    for factor in _SIZES:
        bet = np.minimum(factor * size, most)[..., None]
        path = np.zeros((*counts.shape[:-1], len(effects)))
        for outcome in range(values.shape[-1]):
            gain = np.log1p(bet * (values[..., outcome, None] - effects))
            path += counts[..., outcome, None] * gain
        paths.append(np.cumsum(path, axis=-2))
    return np.asarray(np.logaddexp.reduce(np.stack(paths), axis=0) - np.log(len(_SIZES)))
