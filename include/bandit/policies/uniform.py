"""Uniform: every arm alike, as in an A/B test."""

import numpy as np

from include.bandit.policies import base
from include.bandit.statistics import FloatArray


class Params(base.Params):
    """Uniform has no parameters."""


def propose(belief: base.Belief, params: Params) -> FloatArray:  # noqa: ARG001
    """Return 1/K per arm."""
    return np.full_like(belief.default_shares, 1 / belief.default_shares.size)
