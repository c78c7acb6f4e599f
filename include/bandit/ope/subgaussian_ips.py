"""Sub-Gaussian IPS (Metelli, Russo & Restelli, NeurIPS 2021): weights w / (1 − λ + λ w).

λ = 0 is IPS, λ = 1 the plain mean of the rewards. The smoothed weight stays below 1 / λ,
whence its exponential concentration.
"""

from include.bandit.ope import ips
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import smoothing_grid
from include.bandit.statistics import FloatArray

NAME = "sg-ips"
PARAMETER = "lambda"
BASE: Estimator = ips


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return w / (1 − λ + λ w)."""
    return weight / (1.0 - parameter + parameter * weight) if parameter else weight


def candidates(weight: FloatArray) -> FloatArray:
    """Return λ from 0 (IPS itself) up to 1."""
    return smoothing_grid(weight)
