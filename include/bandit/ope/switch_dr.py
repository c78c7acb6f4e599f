"""Switch-DR: DR where w ≤ τ, the direct method elsewhere (Wang, Agarwal & Dudík 1612.01205).

V̂ = (1/n) Σ [q̂(x, π) + w 1(w ≤ τ) (r − q̂(x, a))]. A tie counts as w ≤ τ; on a uniform log
judged at uniform weights τ = 1 sits exactly on such ties, so choose another τ there.
"""

import numpy as np

from include.bandit.ope import dr
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import weight_grid
from include.bandit.statistics import FloatArray

NAME = "switch-dr"
PARAMETER = "tau"
BASE: Estimator = dr


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return w where w ≤ τ, else 0."""
    return np.where(weight <= parameter, weight, 0.0)


def candidates(weight: FloatArray) -> FloatArray:
    """Return τ from the largest weight (DR itself) down to 1."""
    return weight_grid(weight)
