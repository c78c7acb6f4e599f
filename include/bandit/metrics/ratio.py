"""Ratio metrics, as clicks per view: Σy / Σx, one number for an arm and not a mean of ratios.

The delta method (Deng, Knoblich & Lu 2018, 1803.06336) replaces a unit's (y, x) by its
linear part at the arm's ratio R = E y / E x,

    r = R̃ + (y − R̃ x) / d̃,

R̃ and d̃ predicted values of R and of E x. Its mean is R + (R − R̃)(E x / d̃ − 1): R up to the
product of two errors of prediction. Both are of earlier rows only, so that the sequence on r
is a martingale around its conditional mean. Where it stops being true: the product is of order 1/n
where ratio and denominator are constant, far below the interval, but it stays where *both* move in
time, and cancels from an effect only as far as they move alike under both arms. Rows in which an
arm has too little past for its r to be near are left out of its sequence (`Centred.ready`, known
before the row): the first row always is.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.inference.family import BoolArray
from include.bandit.inference.scores import SHRINKAGE, before
from include.bandit.metrics.statistics import Line, MetricStatistics
from include.bandit.statistics import FloatArray

# Observations of an arm before its ratio is worth linearising at.
LEAST_PAST: Final = 30


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """Linear parts of a ratio, ``(..., rows, K)``, and where they may be used."""

    line: Line
    ready: BoolArray


def predictable_line(sums: MetricStatistics) -> Centred:
    """Return r = R̃ + (y − R̃ x) / d̃ with R̃ and d̃ of the rows before each.

    Pulled to the pool of arms as rewards' predicted means are. Where an arm is not ready, its row's
    own pool stands in, which only later rows' predicted means and variances ever see.

    Parameters
    ----------
    sums
        Shape ``(..., rows, K)``, x the denominator.
    """
    past = [before(array) for array in (sums.n.astype(np.float64), sums.sum_y, sums.sum_x)]
    ready = (past[0] >= LEAST_PAST) & (past[2] > 0)
    own = [sums.n, sums.sum_y, sums.sum_x]
    pool = [array.sum(axis=-1, keepdims=True) for array in past]
    here = [array.sum(axis=-1, keepdims=True) for array in own]
    predicted_y, predicted_x = (
        (past[i] + SHRINKAGE * pool[i] / np.maximum(pool[0], 1.0)) / (past[0] + SHRINKAGE)
        for i in (1, 2)
    )
    stand_in_y, stand_in_x = (here[i] / np.maximum(here[0], 1) for i in (1, 2))
    y = np.where(ready, predicted_y, stand_in_y)
    x = np.where(ready, predicted_x, stand_in_x)
    return Centred(_line(y, x), ready & (x > 0))


def _line(y: FloatArray, x: FloatArray) -> Line:
    some = x > 0
    safe = np.where(some, x, 1.0)
    ratio = np.where(some, y / safe, 0.0)
    slope = np.where(some, 1.0 / safe, 0.0)
    return Line(a=ratio, b=slope, c=-ratio * slope)
