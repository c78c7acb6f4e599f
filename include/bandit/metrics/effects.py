"""Effects arm − control on a declared metric: at one look, and at all looks at once.

Whatever the metric, its observations become r = a + b y + c x with coefficients that were known
before the row (`Line`), and r is judged as a reward is: the same scores, weights and boundary
(`include.bandit.inference`). What is claimed is the effect on the *declared* quantity: of a capped
metric the effect on min(y, cap), which is not the effect on y, and is smaller where the arm works
on the largest values.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from include.bandit.inference.family import Answer, BoolArray, Design, Family
from include.bandit.inference.interval import FixedTime
from include.bandit.inference.verdict import against_control
from include.bandit.metrics import covariate, delta, ratio
from include.bandit.metrics.delta import Moments
from include.bandit.metrics.statistics import Line, MetricStatistics
from include.bandit.statistics import ArmStatistics, FloatArray

Method = Literal["mean", "cuped", "ratio"]
# Effective observations per arm before sums count as normal. Amounts are more skewed than clicks:
# with the 10 of `family.MIN_EVENTS` a starved arm's lognormal amounts missed in 7 % of runs.
LEAST_EFFECTIVE: Final = 25.0
_PLAIN: Final = Line(np.zeros(()), np.ones(()), np.zeros(()))


@dataclass(frozen=True, slots=True, eq=False)
class MetricEffects:
    """What is known of a metric after all rows; arrays of pairs ``(K − 1,)`` or arms ``(K,)``.

    Attributes
    ----------
    family
        Sequences of arm − control, simultaneous over arms and looks, and whether they may speak.
    fixed
        The effect for one look that was fixed beforehand.
    value, error
        Of every arm as it is measured: Σ(y/p) / Σ(1/p), or Σ(y/p) / Σ(x/p), and its standard
        error, infinite where nothing is known.
    effective
        Effective observations behind every arm's sums (`effective`).
    reduction
        Part of the variance of `fixed` that the covariate took away; NaN where unknown.
    """

    family: Family
    fixed: FixedTime
    value: FloatArray
    error: FloatArray
    effective: FloatArray
    reduction: FloatArray

    def answers(self, *, higher_is_better: bool) -> tuple[Answer, ...]:
        """Return the answer per pair at the newest look."""
        found = self.family.answers()
        if higher_is_better:
            return found
        turned: dict[Answer, Answer] = {"better": "worse", "worse": "better"}
        return tuple(turned.get(one, one) for one in found)


def plain(sums: MetricStatistics) -> ArmStatistics:
    """Return the sums of y itself."""
    return _PLAIN.of(sums)


def moments(sums: MetricStatistics, method: Method, *, corrected: bool = True) -> Moments:
    """Return the moments behind a metric's value per arm; a covariate has no part in it."""
    if method == "ratio":
        return delta.of_ratio(sums, corrected=corrected)
    return delta.of_mean(plain(sums), corrected=corrected)


def effective(sums: MetricStatistics, method: Method) -> FloatArray:
    """Count effective observations: (Σ|y|)² / Σy², and of a ratio no more than (Σx)² / Σx².

    Of 0/1 values it is the number of ones; a few values that outweigh all others count as few.
    """
    found = _count(sums.sum_abs, sums.sum_y2)
    if method != "ratio":
        return found
    return np.minimum(found, _count(np.maximum(sums.sum_x, 0.0), sums.sum_x2))


def effects(
    sums: MetricStatistics, method: Method, control: int, design: Design, *, alpha: float
) -> MetricEffects:
    """Judge every arm against the control on a metric.

    Parameters
    ----------
    sums
        Shape ``(rows, K)``, one row per batch, weights version and cell, in order.
    method
        What the metric is: a mean, a mean adjusted by a covariate, or a ratio.
    control
        Index of the control.
    design
        Shares of the same shape; bounds of a reward are none of a metric.
    alpha
        Two-sided, over all other arms and looks.

    Raises
    ------
    ValueError
        If the sums contradict each other, shares are no shares, or the control is no arm.
    """
    design = replace(design, bounds=None)
    if method == "ratio":
        centred = ratio.predictable_line(sums)
        rewards, design = centred.line.of(sums), replace(design, counted=centred.ready)
    else:
        line = covariate.predictable_line(sums) if method == "cuped" else _PLAIN
        rewards = line.of(sums)
    family = against_control(rewards, control, design, alpha=alpha)
    enough = effective(_so_far(sums), method) >= LEAST_EFFECTIVE
    family = replace(family, known=family.known & _both(enough, family.weighted.pairs))
    pooled = sums.pooled(-2)
    behind = moments(pooled, method)
    judged = delta.of_mean(rewards.pooled(-2)) if method == "cuped" else behind
    fixed = delta.differences(judged, family.weighted.pairs, alpha=alpha)
    value, variance = behind.values()
    return MetricEffects(
        family=family,
        fixed=fixed,
        value=value,
        error=np.sqrt(variance),
        effective=effective(pooled, method),
        reduction=_reduction(fixed, behind, method, alpha),
    )


def _reduction(fixed: FixedTime, behind: Moments, method: Method, alpha: float) -> FloatArray:
    if method != "cuped":
        return np.full(fixed.estimate.shape, np.nan)
    without = delta.differences(behind, fixed.pairs, alpha=alpha).standard_error
    known = np.isfinite(without) & np.isfinite(fixed.standard_error)
    part = np.where(known, fixed.standard_error, 0.0) / np.where(known, without, 1.0)
    return np.where(known, 1.0 - part**2, np.nan)


def _so_far(sums: MetricStatistics) -> MetricStatistics:
    return MetricStatistics(
        *(np.cumsum(getattr(sums, name), axis=-2) for name in MetricStatistics.__dataclass_fields__)
    )


def _both(enough: BoolArray, pairs: tuple[tuple[int, int], ...]) -> BoolArray:
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    both: BoolArray = enough[..., a] & enough[..., b]
    return both


def _count(first: FloatArray, second: FloatArray) -> FloatArray:
    some = second > 0
    return np.where(some, first**2 / np.where(some, second, 1.0), 0.0)
