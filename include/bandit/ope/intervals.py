"""Intervals at one look: normal, empirical Bernstein, bootstrap."""

import numpy as np
from scipy.special import ndtri

from include.bandit.ope.bootstrap import bootstrap
from include.bandit.ope.estimate import Interval
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.weighted_log import Rows
from include.errors import EvaluationError


def normal(value: float, variance: float, level: float) -> Interval:
    """Return value ± z √variance: right in the limit of many effective rewards."""
    half = float(ndtri(0.5 + level / 2.0) * np.sqrt(variance))
    return Interval("normal", level, value - half, value + half)


def score(value: float, n: int, level: float) -> Interval:
    """Return the score interval of a plain mean of rewards in [0, 1] (Wilson 1927).

    The values μ with |value − μ| ≤ z √(μ (1 − μ) / n). No reward at all gives [0, z² / (n + z²)],
    where value ± z √variance would claim certainty.
    """
    z2 = float(ndtri(0.5 + level / 2.0)) ** 2
    middle = (value + z2 / (2.0 * n)) / (1.0 + z2 / n)
    half = float(np.sqrt(z2 * value * (1.0 - value) / n + (z2 / (2.0 * n)) ** 2)) / (1.0 + z2 / n)
    return Interval("score", level, max(middle - half, 0.0), min(middle + half, 1.0))


def empirical_bernstein(
    value: float, variance: float, n: int, spread: float, level: float
) -> Interval:
    """Return the two-sided interval of Maurer & Pontil (0907.3740, theorem 4), valid for every n.

    Half-width √(2 s² ln(4/α) / n) + 7 R ln(4/α) / (3 (n − 1)).

    Parameters
    ----------
    value, variance
        A mean of independent terms and its variance s² / n.
    n
        Number of terms.
    spread
        R: the range that a term cannot leave, known beforehand and not read from the data.
    """
    if n < 2:
        raise EvaluationError("an empirical Bernstein interval needs two rows")
    log = np.log(4.0 / (1.0 - level))
    half = float(np.sqrt(2.0 * variance * log) + 7.0 * spread * log / (3.0 * (n - 1)))
    return Interval("empirical-bernstein", level, value - half, value + half)


def percentile(
    estimator: Estimator, log: Rows, level: float, rng: np.random.Generator, samples: int = 1000
) -> Interval:
    """Return the bootstrap percentile interval (Efron 1979)."""
    values = bootstrap(estimator, log, rng, samples)
    lower, upper = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval("bootstrap", level, float(lower), float(upper))
