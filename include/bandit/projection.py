"""Euclidean projection onto the simplex with a floor and a cap per arm."""

import numpy as np

from include.bandit.statistics import FloatArray


def project(shares: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the shares nearest to those given that respect floors and caps.

    argmin ‖p − q‖² subject to Σp = 1, l ≤ p ≤ u has the form p = clip(q − λ, l, u)
    (Karush–Kuhn–Tucker). Σ clip(q − λ, l, u) falls piecewise linearly in λ, with kinks at
    q − u and q − l: the piece with the root is found by bisection over the sorted kinks, and
    the root on it by a division, so the result is exact to rounding and deterministic.

    Parameters
    ----------
    shares
        Wanted shares q, ``(K,)``.
    lower, upper
        Floors and caps, ``(K,)``, with Σl ≤ 1 ≤ Σu.

    Raises
    ------
    ValueError
        If no shares respect the bounds.
    """
    slack = 1e-9
    if np.any(lower > upper) or lower.sum() > 1 + slack or upper.sum() < 1 - slack:
        raise ValueError("no shares respect the floors and caps")
    kinks = np.sort(np.concatenate([shares - upper, shares - lower]))

    def total(level: float) -> float:
        return float(np.clip(shares - level, lower, upper).sum())

    low, high = 0, kinks.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if total(float(kinks[middle])) >= 1:
            low = middle
        else:
            high = middle
    left, right = float(kinks[low]), float(kinks[high])
    above, below = total(left), total(right)
    fraction = (above - 1) / (above - below) if above > below else 0.0
    level = left + (right - left) * min(max(fraction, 0.0), 1.0)
    return np.clip(shares - level, lower, upper)
