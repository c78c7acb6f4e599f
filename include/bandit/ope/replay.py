"""Replay by rejection for a policy that does not learn (Li et al. 1003.5956).

On a uniform log the rows whose arm the policy would have drawn are a fair sample of the
policy's own traffic. Averaged over all draws, their mean reward is Σ π r / Σ π, which
for a deterministic policy is the mean of the matching rows. A learning policy is
replayed by `include.bandit.replay`.
"""

from include.bandit.ope import snips
from include.bandit.ope.weighted_log import Log, Term
from include.bandit.statistics import FloatArray

NAME = "replay"


def terms(log: Log) -> tuple[Term, ...]:
    """Return w and w r: on a uniform log w = K π."""
    return snips.terms(log)


def value(means: FloatArray) -> FloatArray:
    """Return the mean reward of the rows that are kept."""
    return snips.value(means)


def gradient(means: FloatArray) -> FloatArray:
    """Return the derivatives of the ratio."""
    return snips.gradient(means)
