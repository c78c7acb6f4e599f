"""Self-normalised IPS: V̂ = Σ w r / Σ w (Swaminathan & Joachims, NeurIPS 2015).

Biased by O(1/n), and in return it stays within the range of the rewards and moves
with them when a constant is added.
"""

import numpy as np

from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray

NAME = "snips"


def terms(_log: Log) -> tuple[Term, ...]:
    """Return w and w r."""
    return Term(weight=1.0), Term(reward=1.0)


def value(means: FloatArray) -> FloatArray:
    """Return Σ w r / Σ w."""
    return np.asarray(means[1] / means[0])


def gradient(means: FloatArray) -> FloatArray:
    """Return the derivatives of the ratio."""
    return np.array([-means[1] / means[0] ** 2, 1.0 / means[0]])
