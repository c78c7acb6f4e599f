"""LinUCB in batch form: the arm with the highest linear upper bound in every context cell."""

import numpy as np
from pydantic import Field

from include.bandit.policies import base, linear
from include.bandit.statistics import FloatArray


class Params(linear.Params, base.MixedParams):
    """Ridge, noise and uniform mix, and α, the width of the bound in standard errors."""

    alpha: float = Field(default=1.0, ge=0.0)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return 1 − m on the highest x_cᵀθ̂_k + α σ √(x_cᵀ A_k⁻¹ x_c), m/K everywhere, ``(C, K)``.

    Li et al. 1003.0146, algorithm 1, where σ = 1; here rewards set the scale.
    """
    scores = linear.scores(belief, params)
    bounds = scores.mean + params.alpha * scores.error
    return np.stack([base.greedy(row, params.uniform_mix) for row in bounds])
