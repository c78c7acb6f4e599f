"""What an estimator is: terms to average and a smooth function of their averages.

Value, variance (delta method) and bootstrap of every estimator follow from that.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from include.bandit.ope.weighted_log import Coefficient, Log, Rows, Term
from include.bandit.statistics import FloatArray


class Estimator(Protocol):
    """A module of `include.bandit.ope` that estimates from a weighted log."""

    NAME: str

    def terms(self, log: Log, /) -> tuple[Term, ...]:
        """Return the D terms whose averages make the estimate."""

    def value(self, means: FloatArray, /) -> FloatArray:
        """Return the estimate for averages of shape (D, ...)."""

    def gradient(self, means: FloatArray, /) -> FloatArray:
        """Return the derivative of `value` by each average, shape (D,)."""


class ShrunkEstimator(Protocol):
    """A module that runs another estimator on weights that it makes smaller."""

    NAME: str
    PARAMETER: str
    BASE: Estimator

    def shrink(self, weight: FloatArray, parameter: float) -> FloatArray:
        """Return the smaller weights, shape (n,)."""

    def candidates(self, weight: FloatArray) -> FloatArray:
        """Return parameters to choose from, the least biased first."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A value, its variance, and the influence of a row on it (mean 0)."""

    value: float
    variance: float
    influence: Term


def point(estimator: Estimator, log: Log) -> Point:
    """Estimate the value and, by the delta method, the variance of the estimate.

    The influence Σ_j ∂v/∂m_j (u_j − m_j) is a term again, centred before it is squared.
    """
    terms = estimator.terms(log)
    means = np.array([log.mean(term) for term in terms])
    slopes = estimator.gradient(means)
    influence = Term(
        constant=_mix(slopes, [term.constant for term in terms]) - float(slopes @ means),
        weight=_mix(slopes, [term.weight for term in terms]),
        reward=_mix(slopes, [term.reward for term in terms]),
    )
    return Point(float(estimator.value(means)), log.variance(influence), influence)


def shrunk_point(estimator: ShrunkEstimator, log: Rows, parameter: float) -> Point:
    """Estimate with shrunk weights; the variance leaves out the bias that shrinking brings."""
    return point(estimator.BASE, log.reweighted(estimator.shrink(log.weight, parameter)))


def _mix(slopes: FloatArray, coefficients: list[Coefficient]) -> Coefficient:
    mixed: Coefficient = 0.0
    for slope, coefficient in zip(slopes.tolist(), coefficients, strict=True):
        if isinstance(coefficient, float) and coefficient == 0.0:
            continue
        mixed = mixed + (coefficient if slope == 1.0 else slope * coefficient)
    return mixed
