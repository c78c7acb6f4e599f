"""What linear Thompson sampling and LinUCB share: one ridge regression per arm, from sums.

In batch form the regression needs only n and Σr per (context cell, arm): contexts are
cells with numeric features, and weights are published per cell, so that the propensity of a
decision is exact. Models are disjoint: no arm learns from another, so scores of arms are
independent and P(best) is a one-dimensional integral.
"""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from include.bandit.policies import base
from include.bandit.priors import variance_within
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError


class Params(base.Params):
    """Ridge λ, and the standard deviation of one reward; estimated within cells if left out."""

    ridge: float = Field(default=1.0, gt=0.0)
    noise: float | None = Field(default=None, gt=0.0)


@dataclass(frozen=True, slots=True)
class Scores:
    """Expected reward of every arm in every cell, and its standard error, ``(C, K)``."""

    mean: FloatArray
    error: FloatArray


def scores(belief: base.Belief, params: Params) -> Scores:
    """Regress rewards on features, an intercept first, and score every cell.

    With x_c the features of cell c: A_k = λI + Σ_c n_ck x_c x_cᵀ, b_k = Σ_c x_c Σr_ck (Li et
    al. 1003.0146, algorithm 1). Score x_cᵀ A_k⁻¹ b_k, error σ √(x_cᵀ A_k⁻¹ x_c). Rewards are
    centred at their grand mean, to which the ridge then shrinks.

    Raises
    ------
    ExperimentError
        If the experiment declares no cells with features.
    """
    if belief.features is None or belief.features.shape[1] == 0:
        raise ExperimentError("linear policies need declared cells with numeric features")
    evidence, cells = belief.evidence, belief.features.shape[0]
    design = np.hstack([np.ones((cells, 1)), belief.features])
    centre = float(evidence.sum_r.sum() / max(evidence.n.sum(), 1.0))
    gram = np.einsum("ck,ci,cj->kij", evidence.n, design, design)
    gram += params.ridge * np.eye(design.shape[1])
    target = np.einsum("ck,ci->ki", evidence.sum_r - centre * evidence.n, design)
    inverse = np.linalg.inv(gram)
    mean = centre + np.einsum("ci,kij,kj->ck", design, inverse, target)
    leverage = np.einsum("ci,kij,cj->ck", design, inverse, design)
    noise = params.noise
    if noise is None:
        noise = float(np.sqrt(variance_within(evidence, (belief.span / 2) ** 2)))
    return Scores(mean, noise * np.sqrt(np.maximum(leverage, 0.0)))
