"""ε-greedy: ε uniform, the rest on the highest posterior mean."""

from pydantic import Field

from include.bandit.policies import base
from include.bandit.statistics import FloatArray


class Params(base.Params):
    """ε, the part that is uniform; above 0, since an arm at 0 ends identification."""

    epsilon: float = Field(default=0.1, gt=0.0, le=1.0)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return ε/K for every arm and 1 − ε more for the best; with K = 5, ε = 0.1: 0.02, 0.92.

    This is the marginal share, which is the propensity whether or not a decision explored.
    """
    return base.greedy(belief.posterior.mean(), params.epsilon)
