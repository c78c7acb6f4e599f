"""Doubly robust: V̂ = (1/n) Σ [q̂(x, π) + w (r − q̂(x, a))] (Dudík et al. 1103.4601).

Unbiased when propensities are right, whatever the cross-fitted model says; the
better the model, the smaller the variance.
"""

import numpy as np

from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray

NAME = "dr"


def terms(log: Log) -> tuple[Term, ...]:
    """Return the model's value plus the weighted residual."""
    return (Term(constant=log.baseline, weight=-log.q, reward=1.0),)


def value(means: FloatArray) -> FloatArray:
    """Return the mean of the term."""
    return np.asarray(means[0])


def gradient(_means: FloatArray) -> FloatArray:
    """Return 1: the estimate is a plain mean."""
    return np.ones(1)
