"""Inverse propensity scoring: V̂ = (1/n) Σ w r (Horvitz & Thompson 1952; Strehl et al. 1003.0120).

Unbiased when propensities are right and every arm that the policy uses could be shown.
"""

import numpy as np

from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray

NAME = "ips"


def terms(_log: Log) -> tuple[Term, ...]:
    """Return w r."""
    return (Term(reward=1.0),)


def value(means: FloatArray) -> FloatArray:
    """Return the mean of w r."""
    return np.asarray(means[0])


def gradient(_means: FloatArray) -> FloatArray:
    """Return 1: the estimate is a plain mean."""
    return np.ones(1)
