"""Linear Thompson sampling in batch form: P(arm is best) in every context cell."""

import numpy as np
from pydantic import Field

from include.bandit.best_arm import best_arm_probabilities
from include.bandit.policies import base, linear
from include.bandit.posterior import NormalPosterior
from include.bandit.statistics import FloatArray


class Params(linear.Params):
    """Ridge and noise, and v, by which posterior errors are inflated."""

    inflation: float = Field(default=1.0, gt=0.0)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return P(x_cᵀθ_k is largest) per cell, ``(C, K)`` (Agrawal & Goyal 1209.3352).

    θ_k is Normal(A_k⁻¹ b_k, v² σ² A_k⁻¹), independent over arms.
    """
    scores = linear.scores(belief, params)
    error = params.inflation * scores.error
    rows = [
        best_arm_probabilities(NormalPosterior(mean, spread))
        for mean, spread in zip(scores.mean, error, strict=True)
    ]
    return np.stack(rows)
