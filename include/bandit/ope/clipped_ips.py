"""Clipped IPS: V̂ = (1/n) Σ min(w, τ) r (Ionides 2008; Bottou et al. 1209.2355).

Biased towards 0 for rewards ≥ 0 (what lies above τ is cut), never by more than it says:
the cut-off mass is measured by the mean clipped weight.
"""

import numpy as np

from include.bandit.ope import ips
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.grids import weight_grid
from include.bandit.statistics import FloatArray

NAME = "clipped-ips"
PARAMETER = "tau"
BASE: Estimator = ips


def shrink(weight: FloatArray, parameter: float) -> FloatArray:
    """Return min(w, τ)."""
    return np.minimum(weight, parameter)


def candidates(weight: FloatArray) -> FloatArray:
    """Return τ from the largest weight (IPS itself) down to 1."""
    return weight_grid(weight)
