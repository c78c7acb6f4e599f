"""Fixed: declared shares, whatever was observed."""

import numpy as np
from pydantic import Field

from include.bandit.policies import base
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError


class Params(base.Params):
    """Shares in arm order; the experiment's default shares when left out."""

    shares: tuple[base.Probability, ...] | None = Field(default=None)


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return the declared shares.

    Raises
    ------
    ExperimentError
        If there is not one share per arm, or they do not sum to 1.
    """
    if params.shares is None:
        return belief.default_shares
    shares = np.array(params.shares)
    if shares.size != belief.default_shares.size or not np.isclose(shares.sum(), 1.0, atol=1e-9):
        raise ExperimentError(
            f"policy fixed: shares must be {belief.default_shares.size} numbers summing to 1; "
            f"got {shares.size} summing to {shares.sum()}"
        )
    return np.asarray(shares / shares.sum(), np.float64)
