"""Direct method: V̂ = (1/n) Σ_i Σ_a π(a|x_i) q̂(x_i, a) (Beygelzimer & Langford 0812.4044).

As good as its reward model: right where q̂ is, biased where it is not, and the log
alone does not tell which.
"""

import numpy as np

from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray, IntArray

NAME = "dm"


def terms(log: Log) -> tuple[Term, ...]:
    """Return the modelled value of the policy."""
    return (Term(constant=log.baseline),)


def value(means: FloatArray) -> FloatArray:
    """Return the mean modelled value."""
    return np.asarray(means[0])


def gradient(_means: FloatArray) -> FloatArray:
    """Return 1: the estimate is a plain mean."""
    return np.ones(1)


def model_variance(rows: IntArray, policy: FloatArray, variance: FloatArray) -> float:
    """Return the part of the variance that the fitted means bring.

    Σ_p s_p² Σ_a π(a|p)² Var q̂(a, p), where s_p is the share of position p.

    Parameters
    ----------
    rows
        Rows per position, shape (P,).
    policy, variance
        The policy and the posterior variance of q̂, both of shape (P, K).
    """
    share = rows / rows.sum()
    return float(share**2 @ (policy**2 * variance).sum(axis=1))
