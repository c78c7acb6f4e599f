"""Sub-Gaussian DR: DR with the smoothed weights w / (1 − λ + λ w) of Metelli et al., NeurIPS 2021.

λ = 0 is DR. The weight stays below 1 / λ.
"""

from include.bandit.ope import dr
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import smoothing_grid
from include.bandit.ope.subgaussian_ips import shrink as smooth
from include.bandit.statistics import FloatArray

NAME = "sg-dr"
PARAMETER = "lambda"
BASE: Estimator = dr


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return w / (1 − λ + λ w)."""
    return smooth(weight, parameter)


def candidates(weight: FloatArray) -> FloatArray:
    """Return λ from 0 (DR itself) up to 1."""
    return smoothing_grid(weight)
