"""KL-UCB: an upper confidence bound that knows that rates near 0 vary little."""

import numpy as np
from pydantic import Field
from scipy import special

from include.bandit.evidence import Evidence
from include.bandit.policies import base
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError

_BISECTIONS = 60


class Params(base.MixedParams):
    """c of the exploration ln t + c ln ln t: 0 in practice, 3 in the theorem."""

    c: float = Field(default=0.0, ge=0.0)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return 1 − m on the arm with the highest index, m/K everywhere.

    Raises
    ------
    ExperimentError
        If the reward has no bounds, by which it is scaled to [0, 1].
    """
    if belief.reward.kind == "real":
        raise ExperimentError("policy kl_ucb needs bernoulli or bounded rewards")
    lower = 0.0 if belief.reward.kind == "bernoulli" else belief.reward.lower
    return base.greedy(index(belief.evidence, lower, belief.span, params.c), params.uniform_mix)


def index(evidence: Evidence, lower: float = 0.0, span: float = 1.0, c: float = 0.0) -> FloatArray:
    """Return max{q : n kl(r̄, q) ≤ ln t + c ln ln t}, shape ``(..., K)``.

    Garivier & Cappé 1102.2490, algorithm 1, kl of Bernoulli laws, rewards scaled to [0, 1]
    (valid for every law on [0, 1], sharp for Bernoulli). Infinite for an arm never tried.
    By bisection, vectorised over leading axes.
    """
    rounds = np.maximum(evidence.n.sum(axis=-1, keepdims=True), 1.0)
    logarithm = np.log(rounds)
    exploration = logarithm + c * np.log(np.maximum(logarithm, 1.0))
    tried = evidence.n > 0
    mean = np.clip((evidence.mean() - lower) / span, 0.0, 1.0)
    budget = exploration / np.where(tried, evidence.n, 1.0)
    low, high = mean, np.ones_like(mean)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        inside = _divergence(mean, middle) <= budget
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return np.where(tried, lower + span * low, np.inf)


def _divergence(p: FloatArray, q: FloatArray) -> FloatArray:
    result: FloatArray = special.rel_entr(p, q) + special.rel_entr(1 - p, 1 - q)
    return result
