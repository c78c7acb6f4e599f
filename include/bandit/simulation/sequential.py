"""Sequential simulation: one decision at a time, all replications side by side.

A step costs a handful of numpy calls on arrays ``(K, replications)``, so that more
replications are nearly free; arms come first, because the best of few arms is found faster
down a column of rows than along many short ones. Arms are Bernoulli.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.simulation.allocation import kl_bound
from include.bandit.statistics import FloatArray, IntArray

# (observations, successes, round, rng), the first two (K, replications) → arm per replication
Rule = Callable[[FloatArray, FloatArray, int, np.random.Generator], IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """What a policy did.

    Attributes
    ----------
    regret
        Cumulative pseudo-regret ``(rounds, replications)``.
    best
        Whether the best arm was played, ``(rounds, replications)``.
    """

    regret: FloatArray
    best: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    def converged(self, window: int = 100, share: float = 0.8) -> FloatArray:
        """Return the first round whose trailing window had the best arm in ``share`` of it.

        Rounds count from 1; infinity where it never happened. Shape ``(replications,)``.
        """
        counts = np.cumsum(self.best, axis=0, dtype=np.int64)
        trailing = counts.copy()
        trailing[window:] -= counts[:-window]
        reached = trailing >= share * window
        reached[: window - 1] = False
        return np.where(reached.any(axis=0), reached.argmax(axis=0) + 1.0, np.inf)


def play(
    policy: str, rates: FloatArray, rounds: int, rng: np.random.Generator, *, trace: bool = True
) -> Play:
    """Play one policy for many rounds.

    Parameters
    ----------
    policy
        A key of `RULES`.
    rates
        True success rates ``(replications, K)``; rows may be different environments.
    rounds
        Decisions per replication.
    rng
        Source of all randomness.
    trace
        Keep every round; False keeps the last one only, for speed and memory.
    """
    if policy not in RULES:
        raise ValueError(f"no policy {policy!r}; there are {', '.join(sorted(RULES))}")
    if rates.ndim != 2 or rates.shape[1] < 2 or np.any((rates < 0) | (rates > 1)):
        raise ValueError("rates need shape (replications, arms ≥ 2), within [0, 1]")
    if rounds < 1:
        raise ValueError(f"{rounds} rounds are none")
    rule, (runs, arms) = RULES[policy], rates.shape
    n, successes = np.zeros((arms, runs)), np.zeros((arms, runs))
    flat_n, flat_s, flat_rate = n.ravel(), successes.ravel(), rates.T.ravel()
    flat_gap = (rates.max(axis=1) - rates.T).ravel()
    replication = np.arange(runs)
    kept = rounds if trace else 1
    regret, best = np.zeros((kept, runs)), np.zeros((kept, runs), np.bool_)
    total = np.zeros(runs)
    for step in range(rounds):
        at = rule(n, successes, step, rng) * runs + replication
        flat_n[at] += 1.0
        flat_s[at] += rng.random(runs) < flat_rate[at]
        lost = flat_gap[at]
        total += lost
        row = step if trace else 0
        regret[row] = total
        best[row] = lost == 0.0
    return Play(regret, best)


def _thompson(
    n: FloatArray, successes: FloatArray, _step: int, rng: np.random.Generator
) -> IntArray:
    drawn = rng.beta(1.0 + successes, 1.0 + n - successes)
    return np.asarray(drawn.argmax(axis=0))


def _epsilon_greedy(
    n: FloatArray, successes: FloatArray, step: int, rng: np.random.Generator
) -> IntArray:
    arms, runs = n.shape
    if step == 0:
        return np.asarray(rng.integers(arms, size=runs))
    greedy: IntArray = np.asarray((successes / np.maximum(n, 1.0)).argmax(axis=0))
    explore = rng.random(runs) < 0.1
    chosen: IntArray = np.asarray(np.where(explore, rng.integers(arms, size=runs), greedy))
    return chosen


def _ucb1(n: FloatArray, successes: FloatArray, step: int, _rng: np.random.Generator) -> IntArray:
    if step < len(n):
        return np.full(n.shape[1], step)
    return np.asarray((successes / n + np.sqrt(2.0 * np.log(step) / n)).argmax(axis=0))


def _kl_ucb(n: FloatArray, successes: FloatArray, step: int, _rng: np.random.Generator) -> IntArray:
    if step < len(n):
        return np.full(n.shape[1], step)
    return np.asarray(kl_bound(successes / n, np.log(step) / n).argmax(axis=0))


def _uniform(
    n: FloatArray, _successes: FloatArray, _step: int, rng: np.random.Generator
) -> IntArray:
    arms, runs = n.shape
    return np.asarray(rng.integers(arms, size=runs))


RULES: Final[Mapping[str, Rule]] = {
    "thompson": _thompson,
    "epsilon_greedy": _epsilon_greedy,
    "ucb1": _ucb1,
    "kl_ucb": _kl_ucb,
    "uniform": _uniform,
}
