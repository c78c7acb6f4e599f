"""UCB1: the arm with the highest upper confidence bound by Hoeffding's inequality."""

import numpy as np

from include.bandit.evidence import Evidence
from include.bandit.policies import base
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError


class Params(base.MixedParams):
    """UCB1 itself has none; the uniform mix keeps every arm in play."""


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return 1 − m on the arm with the highest index, m/K everywhere.

    Raises
    ------
    ExperimentError
        If the reward has no bounds, on which the inequality rests.
    """
    if belief.reward.kind == "real":
        raise ExperimentError("policy ucb1 needs bernoulli or bounded rewards")
    return base.greedy(index(belief.evidence, belief.span), params.uniform_mix)


def index(evidence: Evidence, span: float = 1.0) -> FloatArray:
    """Return r̄ + (b − a) √(2 ln t / n) (Auer, Cesa-Bianchi & Fischer 2002), shape ``(..., K)``.

    Infinite for an arm that was never tried. At click-through rates near 1 % the bonus of
    1,000 observations, 0.1, drowns every difference: see KL-UCB.
    """
    rounds = np.maximum(evidence.n.sum(axis=-1, keepdims=True), 1.0)
    tried = evidence.n > 0
    bonus = span * np.sqrt(2 * np.log(rounds) / np.where(tried, evidence.n, 1.0))
    return np.where(tried, evidence.mean() + bonus, np.inf)
