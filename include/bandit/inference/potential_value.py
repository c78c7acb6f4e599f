"""Potential value remaining: how much a switch might still gain over the arm that leads now.

A description, not a test: it comes from the posterior, which does not survive peeking. See
`include.bandit.best_arm` for P(best) and expected loss.
"""

from typing import Final

import numpy as np

from include.bandit.posterior import Posterior

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)
_STEPS: Final = 60


def potential_value_remaining(posterior: Posterior, leader: int, *, level: float = 0.95) -> float:
    """Return the ``level`` quantile of (max_j θ_j − θ_leader)₊.

    P(max_j θ_j − θ_l ≤ x) = ∫₀¹ Π_{j≠l} F_j(Q_l(u) + x) du by Gauss–Legendre in the leader's
    quantiles, solved for x by bisection. In the reward's own units; 0 when the leader is best
    with at least that chance.

    Parameters
    ----------
    posterior
        One posterior per arm, shape ``(K,)``.
    leader
        Index of the arm that would be shipped.
    level
        How sure to be that no more can be gained.

    Raises
    ------
    ValueError
        If the leader is not an arm, or the level is not within (0, 1).
    """
    arms = posterior.mean().shape[0]
    if not 0 <= leader < arms:
        raise ValueError(f"leader {leader} is not one of {arms} arms")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level {level} is not within (0, 1)")
    own = posterior[np.array([leader])]
    at = np.concatenate([own.quantile(float(u)) for u in 0.5 * (1.0 + _NODES)])
    others = posterior[np.delete(np.arange(arms), leader)]

    def reached(gain: float) -> float:
        chance = np.prod(others.cdf(at[:, None] + gain), axis=1)
        return float(0.5 * np.sum(_WEIGHTS * chance))

    if reached(0.0) >= level:
        return 0.0
    low, high = 0.0, float(np.max(posterior.quantile(1.0 - 1e-9)) - np.min(at))
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reached(middle) >= level else (middle, high)
    return high
