"""DR with optimistic shrinkage (Su et al. 1907.09623): weights w λ / (w² + λ).

λ → ∞ is DR, λ = 0 the direct method; the map is the one that minimises a sharp bound on
the mean squared error when the model's error is unknown.
"""

import numpy as np

from include.bandit.ope import dr
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import weight_grid
from include.bandit.statistics import FloatArray

NAME = "dr-os"
PARAMETER = "lambda"
BASE: Estimator = dr


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return w λ / (w² + λ)."""
    if np.isinf(parameter):
        return weight
    if parameter == 0.0:
        return np.zeros_like(weight)
    return weight * parameter / (weight * weight + parameter)


def candidates(weight: FloatArray) -> FloatArray:
    """Return λ from ∞ (DR itself) down to 1; at λ = w² a weight is halved."""
    return np.concatenate(
        [[np.inf], 100.0 * weight_grid(weight) ** 2, weight_grid(weight)[1:] ** 2]
    )
