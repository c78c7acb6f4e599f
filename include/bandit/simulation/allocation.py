"""Batch policies for many replications: counts in, shares out.

Twins of some of `include.bandit.policies`, on arrays ``(replications, K)``, for Bernoulli
rewards and without uniform mix; any other registered policy is asked replication by
replication. Floors are additive: f + (1 − K f) w.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from include.bandit.policies.top_two_thompson import SURE
from include.bandit.simulation.best_arm import beta_best
from include.bandit.simulation.registered import registered_policy, registered_weights
from include.bandit.statistics import FloatArray

# (observations, successes), each (replications, K) → weights (replications, K) summing to 1
BatchPolicy = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Shares:
    """A named batch policy behind a probability floor.

    Attributes
    ----------
    policy
        A key of `POLICIES`, or any registered policy of scope ``slot``.
    floor
        Least share of every arm; K · floor ≤ 1.
    """

    policy: str
    floor: float

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            registered_policy(self.policy)
        if not 0.0 <= self.floor <= 0.5:
            raise ValueError(f"floor {self.floor} is not within [0, 1/2]")

    def __call__(self, n: FloatArray, successes: FloatArray) -> FloatArray:
        """Return the shares of the next batch."""
        free = 1.0 - n.shape[-1] * self.floor
        if free < -1e-9:
            raise ValueError(f"{n.shape[-1]} arms cannot each have a share of {self.floor}")
        twin = POLICIES.get(self.policy)
        weights = (
            registered_weights(self.policy, n, successes) if twin is None else twin(n, successes)
        )
        shares = self.floor + max(free, 0.0) * weights
        return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def thompson(n: FloatArray, successes: FloatArray) -> FloatArray:
    """P(best) under Beta(1, 1) priors."""
    return beta_best(1.0 + successes, 1.0 + n - successes)


def top_two(n: FloatArray, successes: FloatArray) -> FloatArray:
    """Top-two Thompson with β = ½ (Russo 1602.08448): the best, or the best of the others.

    Within 0.015 of the registered ``top_two_thompson``, whose rule for a leader that is all but
    sure it shares; at the very threshold of that rule the two may take different sides.
    """
    best = thompson(n, successes)
    sure = best > SURE
    # How often an arm leads, by what it leaves the others: what a challenger's P(best) is times.
    odds = np.where(sure, 0.0, best / np.where(sure, 1.0, 1.0 - best))
    challenger = best * (odds.sum(axis=-1, keepdims=True) - odds)
    rows = np.flatnonzero(sure.any(axis=-1))
    if len(rows):
        challenger[rows] += _without_leader(n[rows], successes[rows], sure[rows])
    mixed = best + challenger
    return np.asarray(mixed / mixed.sum(axis=-1, keepdims=True))


def _without_leader(n: FloatArray, successes: FloatArray, leads: NDArray[np.bool_]) -> FloatArray:
    """P(best) among all arms but the one leader of each row; 0 for the leader."""
    shape = (len(n), n.shape[-1] - 1)
    shares = np.zeros(n.shape)
    shares[~leads] = thompson(n[~leads].reshape(shape), successes[~leads].reshape(shape)).ravel()
    return shares


def epsilon_greedy(n: FloatArray, successes: FloatArray) -> FloatArray:
    """ε-greedy with ε = 0.1: the marginal share, exploration included."""
    arms = n.shape[-1]
    greedy = _one_hot((successes + 1.0) / (n + 2.0))
    return np.asarray(0.1 / arms + 0.9 * greedy)


def ucb1(n: FloatArray, successes: FloatArray) -> FloatArray:
    """UCB1 (Auer et al. 2002): mean + √(2 ln t / n)."""
    time = np.maximum(n.sum(axis=-1, keepdims=True), 1.0)
    some = np.maximum(n, 1.0)
    bound = successes / some + np.sqrt(2.0 * np.log(time) / some)
    return _one_hot(np.where(n > 0, bound, np.inf))


def kl_ucb(n: FloatArray, successes: FloatArray) -> FloatArray:
    """KL-UCB (Garivier & Cappé 1102.2490, c = 0): largest q with n·kl(mean, q) ≤ ln t."""
    time = np.maximum(n.sum(axis=-1, keepdims=True), 1.0)
    some = np.maximum(n, 1.0)
    return _one_hot(np.where(n > 0, kl_bound(successes / some, np.log(time) / some), np.inf))


def uniform(n: FloatArray, successes: FloatArray) -> FloatArray:  # noqa: ARG001
    """Return the same share for every arm: an A/B test."""
    return np.full(n.shape, 1.0 / n.shape[-1])


def kl_bound(mean: FloatArray, budget: FloatArray) -> FloatArray:
    """Return the largest q ≥ mean whose Bernoulli divergence kl(mean, q) is within the budget."""
    low, high = mean.astype(np.float64), np.ones_like(mean, dtype=np.float64)
    entropy = xlogy(mean, mean) + xlogy(1.0 - mean, 1.0 - mean)
    for _ in range(30):
        middle = 0.5 * (low + high)
        cost = entropy - xlogy(mean, middle) - xlogy(1.0 - mean, 1.0 - middle)
        inside = cost <= budget
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return low


def _one_hot(score: FloatArray) -> FloatArray:
    weights = np.zeros(score.shape)
    np.put_along_axis(weights, score.argmax(axis=-1)[..., None], 1.0, axis=-1)
    return weights


POLICIES: Final[Mapping[str, BatchPolicy]] = {
    "thompson": thompson,
    "top_two": top_two,
    "epsilon_greedy": epsilon_greedy,
    "ucb1": ucb1,
    "kl_ucb": kl_ucb,
    "uniform": uniform,
}
