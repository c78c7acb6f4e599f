"""Rejection replay of a learning policy on a uniform log: "what if X had learned here?".

Li et al. (1003.5956): rows whose arm the policy would have drawn are, on a uniform log, a
fair sample of the traffic that the policy would have had. It keeps about 1 row in K, so
the policy has lived through a shorter experiment than the log. What a *fixed* policy
would have earned is another question, answered by `include.bandit.ope`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from include.bandit.feedback import Feedback, check_policy
from include.bandit.ope.estimate import Interval
from include.bandit.ope.intervals import normal, score
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError

# What the policy knows, shape (P, K), to its shares for the next batch, shape (P, K).
Learner = Callable[[ArmStatistics], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedBatch:
    """One batch of the learning curve.

    Attributes
    ----------
    batch
        Label of the batch in the log.
    rows_seen, rows_kept
        Rows of the log, and those whose arm the policy drew.
    rewards
        Σr over the rows kept: clicks.
    table
        The policy's shares during the batch, shape (P, K).
    spread
        Σ (r − r̄)² over the rows kept.
    within_unit
        Whether every kept reward lies in [0, 1].
    """

    batch: int
    rows_seen: int
    rows_kept: int
    rewards: float
    table: FloatArray
    spread: float
    within_unit: bool


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """A replayed learning policy: its learning curve by batch, and what it knew at the end."""

    batches: tuple[ReplayedBatch, ...]
    statistics: ArmStatistics

    @property
    def rows_kept(self) -> int:
        """Return how many rows the policy lived through."""
        return sum(batch.rows_kept for batch in self.batches)

    @property
    def rewards(self) -> float:
        """Return Σr over the rows kept."""
        return float(sum(batch.rewards for batch in self.batches))

    def value(self, batches: int | None = None, level: float = 0.95) -> tuple[float, Interval]:
        """Return the mean reward over the first batches, with its interval.

        Rewards in [0, 1] get the score interval, which knows that no click among few rows is no
        proof of none. Others get value ± z √variance, with the variance within batches,
        since the mean itself moves as the policy learns.

        Raises
        ------
        EvaluationError
            If fewer than two rows were kept.
        """
        lived = self.batches[:batches]
        rows = sum(batch.rows_kept for batch in lived)
        if rows < 2:
            raise EvaluationError(f"replay kept {rows} rows: no value can be told")
        mean = float(sum(batch.rewards for batch in lived)) / rows
        if all(batch.within_unit for batch in lived):
            return mean, score(mean, rows, level)
        variance = float(sum(batch.spread for batch in lived)) / rows**2
        return mean, normal(mean, variance, level)


def replay(
    feedback: Feedback, batch: IntArray, learner: Learner, rng: np.random.Generator
) -> Replay:
    """Let a policy learn on a uniform log, batch after batch.

    A row is kept with the probability that the policy draws its arm. The policy learns from the
    kept rows alone, with its own share as their propensity, before the next batch.

    Parameters
    ----------
    feedback
        A log of the uniform policy.
    batch
        Batch of every row, shape (n,); batches are lived through in ascending order.
    learner
        Maps what was learnt so far to shares per position.
    rng
        Source of the draws.

    Raises
    ------
    EvaluationError
        If the log is not uniform: replay would then be biased.
    """
    if not feedback.uniform:
        raise EvaluationError("replay is unbiased on a uniform log only; this one is not")
    if batch.shape != feedback.arm.shape:
        raise EvaluationError(f"{batch.shape} batches for {feedback.arm.shape} rows")
    statistics = ArmStatistics.zeros((feedback.positions, feedback.arms))
    lived: list[ReplayedBatch] = []
    for label in np.unique(batch):
        rows = feedback.take(np.flatnonzero(batch == label))
        table = learner(statistics)
        check_policy(table, (feedback.positions, feedback.arms))
        share = table[rows.position, rows.arm]
        kept = rng.random(rows.n) < share
        reward = rows.reward[kept]
        lived.append(
            ReplayedBatch(
                batch=int(label),
                rows_seen=rows.n,
                rows_kept=len(reward),
                rewards=float(reward.sum()),
                table=table,
                spread=float(((reward - reward.mean()) ** 2).sum()) if len(reward) else 0.0,
                within_unit=bool(np.all((reward >= 0.0) & (reward <= 1.0))),
            )
        )
        if len(reward):
            statistics += replace(rows, pscore=np.minimum(share, 1.0)).take(kept).sums()
    return Replay(tuple(lived), statistics)
