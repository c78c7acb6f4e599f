"""Thompson sampling: share = P(arm is best), by quadrature instead of a draw."""

from include.bandit.best_arm import best_arm_probabilities
from include.bandit.policies import base
from include.bandit.statistics import FloatArray


class Params(base.Params):
    """Thompson sampling has no parameters."""


def propose(belief: base.Belief, params: Params) -> FloatArray:  # noqa: ARG001
    """Return P(arm is best) under the posterior (Thompson 1933; Scott 2010)."""
    return best_arm_probabilities(belief.posterior)
