"""Covariate adjustment: a number known before the decision takes its part of the variance away.

CUPED (Deng, Xu, Kohavi & Walker 2013, WSDM). With y the metric and x known before
the arm was drawn, r = y − θ (x − c) has the same effect arm − control as y whatever θ and c are,
since x has the same distribution under every arm, and Var r = (1 − ρ²) Var y at the best θ =
Cov(x, y) / Var x. That they may be anything holds only if they do not depend on the batch that
they are applied to: θ and c come from the rows *before* it, so that the confidence sequence stays
a martingale. The first row has no past. If it is large its own θ stands in, which shifts an effect
by O(1/n) only, since the effect's derivative in θ has mean zero: as harmless as the own mean of
`scores`, for the same reason. Where it stops being true: a covariate that the arm can have changed.
So the unit's *first* decision of the batch gives it.
"""

from typing import Final

import numpy as np

from include.bandit.inference.scores import before
from include.bandit.metrics.statistics import Line, MetricStatistics
from include.bandit.statistics import FloatArray

# Relative to Σx²: what rounding alone may leave of a covariate that never varies.
_NOTHING: Final = 1e-12
# Observations of a first row from which its own θ may stand in.
LEAST_OWN: Final = 100


def predictable_line(sums: MetricStatistics) -> Line:
    """Return r = y − θ (x − c) with θ and c of the rows before each, ``(..., rows, 1)``.

    θ is the slope within (row, arm), pooled over arms and earlier rows; 0 while x has not varied.

    Parameters
    ----------
    sums
        Shape ``(..., rows, K)``, rows in the order in which they became known.
    """
    theta, center = slope(sums)
    return Line(a=theta * center, b=np.ones_like(theta), c=-theta)


def slope(sums: MetricStatistics) -> tuple[FloatArray, FloatArray]:
    """Return θ and c of the rows before each (of the first its own), ``(..., rows, 1)``."""
    some = np.maximum(sums.n, 1)
    within_xx = sums.sum_x2 - sums.sum_x**2 / some
    within_xy = sums.sum_xy - sums.sum_x * sums.sum_y / some
    n = sums.n.astype(np.float64)
    own = [
        array.sum(axis=-1, keepdims=True)
        for array in (n, within_xx, within_xy, sums.sum_x2, sums.sum_x)
    ]
    stands_in = (before(own[0]) == 0) & (own[0] >= LEAST_OWN)
    n, xx, xy, x2, x = (np.where(stands_in, here, before(here)) for here in own)
    varied = xx > _NOTHING * x2
    theta = np.where(varied, xy / np.where(varied, xx, 1.0), 0.0)
    return theta, x / np.maximum(n, 1.0)
