"""Sub-Gaussian IPS (Metelli, Russo & Restelli, NeurIPS 2021): weights w / (1 − λ + λ w).

λ = 0 is IPS, λ = 1 the plain mean of the rewards. The smoothed weight stays below 1 / λ,
whence its exponential concentration.
"""

import numpy as np

from include.bandit.ope import ips
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import smoothing_grid
from include.bandit.statistics import FloatArray

NAME = "sg-ips"
PARAMETER = "lambda"
BASE: Estimator = ips


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return w / (1 − λ + λ w); a weight of 0 stays 0, at λ = 1 too."""
    if parameter == 0.0:
        return weight
    base = 1.0 - parameter + parameter * weight
    return np.divide(weight, base, out=np.zeros_like(weight), where=weight > 0)


def candidates(weight: FloatArray) -> FloatArray:
    """Return λ from 0 (IPS itself) up to 1."""
    return smoothing_grid(weight)
