"""The production policy of the Open Bandit Dataset as an evaluation policy: an approximation.

ZOZOTOWN's ``bts`` was Thompson sampling on Beta posteriors that it kept updating. Open Bandit
Pipeline ships its prior (``policy/conf/prior_bts.yaml``) and no later state, so the policy
that can be judged is Thompson frozen at that prior, not the policy that logged.
"""

import numpy as np
from numpy.typing import ArrayLike

from include.bandit.best_arm import rank_probabilities
from include.bandit.posterior import BetaPosterior
from include.bandit.statistics import FloatArray

LABEL = "bts (Thompson frozen at the published prior; approximates production)"


def bernoulli_thompson(alpha: ArrayLike, beta: ArrayLike, positions: int) -> FloatArray:
    """Return P(arm has rank p + 1) for every position p, shape (positions, K), by quadrature.

    Thompson sampling of a slate shows the arm with the largest draw first, and so on.

    Parameters
    ----------
    alpha, beta
        Prior per arm, shape (K,).
    positions
        Slots of the slate.
    """
    posterior = BetaPosterior(np.asarray(alpha, np.float64), np.asarray(beta, np.float64))
    table = rank_probabilities(posterior, positions)
    return np.asarray(table / table.sum(axis=1, keepdims=True))
