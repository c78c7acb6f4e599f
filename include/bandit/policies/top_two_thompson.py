"""Top-two Thompson sampling: play the leader with probability β, else its challenger."""

from typing import Final

import numpy as np
from pydantic import Field

from include.bandit.best_arm import best_arm_probabilities
from include.bandit.policies import base
from include.bandit.posterior import Posterior
from include.bandit.statistics import FloatArray

# A leader above this leaves too little of P(best) to tell its challengers apart.
SURE: Final = 1 - 1e-6


class Params(base.Params):
    """β, the probability with which the drawn leader itself is played."""

    beta: float = Field(default=0.5, gt=0.0, lt=1.0)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return the probability that top-two Thompson sampling plays an arm (Russo 1602.08448).

    ψ_k = P_k (β + (1 − β) Σ_{j≠k} P_j / (1 − P_j)): k is drawn as the leader and played, or
    another leader j is drawn and k is the first other arm in repeated draws. Where 1 − P_j
    vanishes, the challenger is drawn by P(best) among the arms without j.
    """
    best = best_arm_probabilities(belief.posterior)
    if best.size == 1:
        return best
    challenger = np.zeros_like(best)
    for leader in np.flatnonzero(best):
        challenger += best[leader] * _challenger(belief.posterior, best, int(leader))
    return params.beta * best + (1 - params.beta) * challenger


def _challenger(posterior: Posterior, best: FloatArray, leader: int) -> FloatArray:
    others = np.delete(np.arange(best.size, dtype=np.int64), leader)
    shares = np.zeros_like(best)
    if best[leader] > SURE:
        shares[others] = best_arm_probabilities(posterior[others])
    else:
        shares[others] = best[others] / best[others].sum()
    return shares
