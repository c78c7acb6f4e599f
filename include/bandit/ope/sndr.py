"""Self-normalised DR: V̂ = mean q̂(x, π) + Σ w (r − q̂) / Σ w (Thomas & Brunskill 1604.00923).

DR whose correction is normalised by the weights, as SNIPS is to IPS.
"""

import numpy as np

from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray

NAME = "sndr"


def terms(log: Log) -> tuple[Term, ...]:
    """Return the model's value, w, and the weighted residual."""
    return Term(constant=log.baseline), Term(weight=1.0), Term(weight=-log.q, reward=1.0)


def value(means: FloatArray) -> FloatArray:
    """Return the model's value plus the normalised correction."""
    return np.asarray(means[0] + means[2] / means[1])


def gradient(means: FloatArray) -> FloatArray:
    """Return the derivatives of the sum."""
    return np.array([1.0, -means[2] / means[1] ** 2, 1.0 / means[1]])
