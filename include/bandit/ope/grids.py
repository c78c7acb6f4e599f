"""Grids of hyper-parameters to choose from, the least biased first."""

import numpy as np

from include.bandit.statistics import FloatArray

STEPS = 12


def weight_grid(weight: FloatArray) -> FloatArray:
    """Return thresholds from the largest weight down to 1, evenly spaced in the logarithm."""
    largest = float(weight.max(initial=0.0))
    if largest <= 1.0:
        return np.array([max(largest, np.finfo(float).tiny)])
    grid = np.geomspace(largest, 1.0, STEPS)
    # geomspace may miss the end by one rounding, and the first must cut nothing.
    grid[0] = largest
    return grid


def smoothing_grid(weight: FloatArray) -> FloatArray:
    """Return λ = 0, then from 1 / (100 w_max) up to 1, evenly spaced in the logarithm."""
    smallest = 0.01 / max(float(weight.max(initial=0.0)), 1.0)
    return np.concatenate([[0.0], np.geomspace(smallest, 1.0, STEPS)])
