"""Ratios of sums with their variance by the delta method; a mean is the ratio Σ(r/p) / Σ(1/p).

R = Σ w y / Σ w x has variance Σ w² (y − R x)² / (Σ w x)² over independent observations (Deng et al.
2018, 1803.06336; Hájek's estimator with x = 1). w is 1/p, or 1 for all arms as they
were drawn. An observation is a unit, so that a unit's views are one cluster.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.inference.interval import FixedTime, sides
from include.bandit.inference.sequence import Pairs
from include.bandit.metrics.statistics import MetricStatistics
from include.bandit.statistics import ArmStatistics, FloatArray, Sums

# Relative to Σ w² y²: what rounding alone may leave of residuals that are all zero.
_NOTHING: Final = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class Moments(Sums):
    """Weighted sums behind a ratio, arrays ``(..., K)``.

    Attributes
    ----------
    n
        Observations.
    y, x
        Σ w y and Σ w x.
    yy, xx, xy
        Σ w² y², Σ w² x² and Σ w² x y.
    """

    y: FloatArray
    x: FloatArray
    yy: FloatArray
    xx: FloatArray
    xy: FloatArray

    def over_arms(self) -> "Moments":
        """Add up all arms, which stay one of a last axis."""
        return Moments(
            *(getattr(self, name).sum(axis=-1, keepdims=True) for name in self.__dataclass_fields__)
        )

    def values(self) -> tuple[FloatArray, FloatArray]:
        """Return R and its variance; 0 and infinity where n < 2 or Σ w x is not positive."""
        known = (self.n > 1) & (self.x > 0)
        below = np.where(known, self.x, 1.0)
        ratio = np.where(known, self.y / below, 0.0)
        scatter = self.yy - 2.0 * ratio * self.xy + ratio**2 * self.xx
        scatter = np.where(scatter > _NOTHING * self.yy, scatter, 0.0)
        return ratio, np.where(known, scatter / below**2, np.inf)


def of_mean(sums: ArmStatistics, *, corrected: bool = True) -> Moments:
    """Return the moments of a mean: by 1/p, or of observations as they were drawn."""
    if corrected:
        return Moments(
            *(sums.n, sums.sum_r_ip, sums.sum_ip),
            *(sums.sum_r2_ip2, sums.sum_ip2, sums.sum_r_ip2),
        )
    n = sums.n.astype(np.float64)
    return Moments(sums.n, sums.sum_r, n, sums.sum_r2, n, sums.sum_r)


def of_ratio(sums: MetricStatistics, *, corrected: bool = True) -> Moments:
    """Return the moments of Σy / Σx, likewise."""
    if corrected:
        return Moments(
            *(sums.n, sums.sum_y_ip, sums.sum_x_ip),
            *(sums.sum_y2_ip2, sums.sum_x2_ip2, sums.sum_xy_ip2),
        )
    return Moments(sums.n, sums.sum_y, sums.sum_x, sums.sum_y2, sums.sum_x2, sums.sum_xy)


def differences(moments: Moments, pairs: Pairs, *, alpha: float) -> FixedTime:
    """Return R_a − R_b of every pair for one look fixed beforehand; arms do not share units."""
    a, b = sides(pairs, moments.n.shape[-1])
    ratio, variance = moments.values()
    return FixedTime.around(
        pairs, ratio[..., a] - ratio[..., b], variance[..., a] + variance[..., b], alpha
    )
