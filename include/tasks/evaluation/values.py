"""Policy values with intervals and diagnostics: "what if this policy had been fixed?"."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.ope import Estimate
from include.bandit.ope.diagnostics import Diagnostics, EvaluationLimits
from include.bandit.ope.intervals import normal
from include.bandit.ope.weighted_log import mean_variance
from include.errors import EvaluationError
from include.tasks.evaluation.by_sums import at_position
from include.tasks.evaluation.logs import LoggedBatches
from include.tasks.evaluation.over_all import over_all
from include.tasks.evaluation.policies import Basis, JudgedPolicy

ALL: Final = "all"
ON_POLICY: Final = "on-policy"


@dataclass(frozen=True, slots=True)
class PolicyEstimate:
    """An estimate, and what it is an estimate of."""

    log: str
    policy: str
    position: str
    basis: Basis
    first_batch: str
    last_batch: str
    estimate: Estimate


def estimates(
    log: LoggedBatches, judged: JudgedPolicy, level: float, rng: np.random.Generator
) -> Iterator[PolicyEstimate]:
    """Estimate a policy's value over all positions, and by sums for each position.

    Parameters
    ----------
    log
        What to weight.
    judged
        Whom to judge.
    level
        Confidence of the intervals.
    rng
        Randomness of the bootstrap.
    """

    def made(position: str, estimate: Estimate) -> PolicyEstimate:
        return PolicyEstimate(
            log.name, judged.name, position, judged.basis, log.batches[0], log.batches[-1], estimate
        )

    for estimate in over_all(log, judged.table, level, rng):
        yield made(ALL, estimate)
    if log.statistics.n.shape[1] == 1:
        return
    for position in range(log.statistics.n.shape[1]):
        if log.statistics.n[:, position].sum() < 2:
            continue
        for estimate in at_position(log, judged.table, position, level):
            yield made(str(position), estimate)


def on_policy(log: LoggedBatches, level: float) -> PolicyEstimate:
    """Return the mean reward of a log: the value of the policy that logged it."""
    sums = log.statistics
    n, total = log.n, float(sums.sum_r.sum())
    if n < 2:
        raise EvaluationError(f"log {log.name!r} has {n} rows: no mean with an error")
    mean = total / n
    square = float(sums.sum_r2.sum())
    variance = max(square / n - mean**2, 0.0) / (n - 1)
    if log.rows is not None and log.rows.cluster is not None:
        variance = mean_variance(log.rows.reward - mean, log.rows.cluster)
    elif log.by_unit is not None:
        variance = log.by_unit.variance(lambda _batch, rows: rows.reward - mean)
    binary = bool(np.array_equal(sums.sum_r, sums.sum_r2))
    found = Diagnostics(
        n=n,
        effective_sample_size=float(n),
        effective_rewards=(total**2 / square if square else 0.0) if binary else None,
        largest_weight=1.0,
        mean_weight=1.0,
        mean_weight_error=0.0,
        mass_without_support=0.0,
    )
    reasons = EvaluationLimits().reasons(found)
    estimate = Estimate(
        estimator=ON_POLICY,
        value=mean,
        variance=variance,
        n=n,
        intervals=(normal(mean, variance, level),),
        diagnostics=found,
        verdict="unknown" if reasons else "usable",
        reasons=reasons,
    )
    return PolicyEstimate(
        log.name, log.name, ALL, "given", log.batches[0], log.batches[-1], estimate
    )
