"""Curves over batches: regret on the log, and what a policy that learns would have collected."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from include.bandit.allocation import allocate
from include.bandit.feedback import uniform_policy
from include.bandit.regret import gap, regret_curve
from include.bandit.replay import Learner, Replay, replay
from include.bandit.statistics import ArmStatistics, FloatArray
from include.contract.weights import BUCKETS, POOLED_CELL
from include.experiments.schema import Experiment, LimitsDeclaration
from include.tasks.evaluation.folding import fold_of, folded
from include.tasks.evaluation.logs import LoggedBatches
from include.tasks.evaluation.policies import JudgedPolicy
from include.tasks.evaluation.rows import Row

UNIFORM: Final = "uniform"


def regret_rows(log: LoggedBatches, judged: Sequence[JudgedPolicy], level: float) -> Iterator[Row]:
    """Return the regret of the logging policy batch by batch, and of each fixed policy at the end.

    A log of one batch has none: the arm that is best has to be chosen on other rows than
    those that value it.
    """
    if len(log.batches) < 2:
        return
    fold = fold_of(len(log.batches))
    logged = gap(folded(log.statistics, fold), None, level)
    facts: Row = {
        "log": log.name,
        "level": level,
        "best_arm": int(np.argmax(logged.differences)),
        "candidates": len(logged.candidates),
    }
    curve, lower, upper = regret_curve(log.statistics, level)
    decisions = np.cumsum(log.statistics.n.sum(axis=(1, 2)))
    for index, batch in enumerate(log.batches):
        n = int(decisions[index])
        ends = (float(curve[index]), float(lower[index]), float(upper[index]))
        yield facts | {"policy": log.name, "up_to_batch": batch} | _point(n, *ends)
    for one in judged:
        if one.table.ndim == 2:
            found = gap(folded(log.statistics, fold), one.table, level)
            ends = (found.estimate, found.interval.lower, found.interval.upper)
            facts_of_policy: Row = {"policy": one.name, "up_to_batch": log.batches[-1]}
            yield facts | facts_of_policy | _point(log.n, *(log.n * end for end in ends))


def learning_rows(
    experiment: Experiment, log: LoggedBatches, level: float, seed: int
) -> Iterator[Row]:
    """Replay policies that learn on a uniform log: the experiment's own, and uniform beside it.

    Nothing where the log is not uniform (replay would be biased) or its rows do not fit
    into memory.
    """
    if log.rows is None or log.row_batch is None or not log.rows.uniform:
        return
    name = experiment.policy.name
    learners: dict[str, Learner] = {name: learner(experiment)}
    if name != UNIFORM:
        table = uniform_policy(experiment.positions, len(experiment.arms))
        learners[UNIFORM] = lambda _statistics: table
    for policy, learns in learners.items():
        # One seed for all: policies meet the same draws, so that they can be compared.
        lived = replay(log.rows, log.row_batch, learns, np.random.default_rng(seed))
        yield from _learning(lived, policy, log, level)


def learner(experiment: Experiment) -> Learner:
    """Return the experiment's policy with its limits, as a function of what it learnt.

    Burn-in, hold and largest shift look at what was live, which a replay has not.
    """
    limits = experiment.limits.model_dump() | {
        "largest_shift": 1.0,
        "hold_below": 0.0,
        "burn_in_decisions": 0,
        "burn_in_rewards": 0,
    }
    changed = experiment.model_copy(update={"limits": LimitsDeclaration.model_validate(limits)})

    def learn(statistics: ArmStatistics) -> FloatArray:
        parts = (
            getattr(statistics, name)[np.newaxis] for name in ArmStatistics.__dataclass_fields__
        )
        result = allocate(changed, {POOLED_CELL: ArmStatistics(*parts)})
        pooled = [one for one in result.allocations if one.cell == POOLED_CELL]
        return np.array([one.buckets for one in sorted(pooled, key=lambda one: one.slot)]) / BUCKETS

    return learn


def _learning(lived: Replay, policy: str, log: LoggedBatches, level: float) -> Iterator[Row]:
    read = kept = 0
    clicks = 0.0
    for index, batch in enumerate(lived.batches):
        read, kept = read + batch.rows_seen, kept + batch.rows_kept
        clicks += batch.rewards
        row: Row = {
            "log": log.name,
            "policy": policy,
            "up_to_batch": log.batches[batch.batch],
            "rows_read": read,
            "rows_kept": kept,
            "clicks": clicks,
            "mean_reward": clicks / kept if kept else None,
            "lo": None,
            "hi": None,
            "level": level,
        }
        if kept >= 2:
            interval = lived.value(index + 1, level)[1]
            row |= {"lo": interval.lower, "hi": interval.upper}
        yield row


def _point(decisions: int, value: float, lower: float, upper: float) -> Row:
    return {
        "decisions": decisions,
        "per_decision": value / decisions,
        "cumulative": value,
        "cumulative_lo": lower,
        "cumulative_hi": upper,
    }
