"""Policy values with intervals and diagnostics: "what if this policy had been fixed?"."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.feedback import check_policy
from include.bandit.ope import Estimate, Options, evaluate
from include.bandit.ope.confidence_sequence import asymptotic, betting
from include.bandit.ope.diagnostics import Diagnostics, EvaluationLimits
from include.bandit.ope.estimate import Interval, IntervalMethod
from include.bandit.ope.intervals import normal
from include.bandit.reward_model import RewardModel, cross_fit, cross_fit_sums
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError
from include.tasks.evaluation.logs import LoggedBatches
from include.tasks.evaluation.policies import Basis, JudgedPolicy

Change = Callable[[NDArray[Any]], NDArray[Any]]

ALL: Final = "all"
FOLDS: Final = 10
SUMS_ONLY: Final = ("ips", "snips", "dm", "dr", "sndr")
BOOTSTRAPPED: Final = ("ips", "snips", "dr")
# Finding the ends of a betting sequence costs some hundred passes over the distinct scores.
BETTING_ROWS: Final = 100_000
# Where the asymptotic sequence is tightest, in units of the first batch's rows.
TUNED_BATCHES: Final = 5
WITHOUT_MODEL: Final = ("ips", "snips")
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

    for estimate in _over_all(log, judged, level, rng):
        yield made(ALL, estimate)
    if log.statistics.n.shape[1] == 1:
        return
    for position in range(log.statistics.n.shape[1]):
        if log.statistics.n[:, position].sum() < 2:
            continue
        sums = select(log.statistics, (slice(None), slice(position, position + 1)))
        table = judged.table[..., position : position + 1, :]
        for estimate in _by_sums(sums, table, level):
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


def fold_of(batches: int, most: int = FOLDS) -> IntArray:
    """Return the fold of every batch, shape (B,): contiguous stretches of time."""
    return np.arange(batches, dtype=np.int64) * min(most, batches) // batches


def folded(statistics: ArmStatistics, fold: IntArray) -> ArmStatistics:
    """Add up batches that share a fold: shape (F, P, K)."""
    starts = np.flatnonzero(np.diff(fold, prepend=-1))
    return _each(statistics, lambda array: np.add.reduceat(array, starts, axis=0))


def select(statistics: ArmStatistics, index: tuple[slice, ...]) -> ArmStatistics:
    """Take a part of the leading axes, as one position."""
    return _each(statistics, lambda array: array[index])


def _over_all(
    log: LoggedBatches, judged: JudgedPolicy, level: float, rng: np.random.Generator
) -> list[Estimate]:
    if log.rows is None or log.row_batch is None or judged.table.ndim == 3:
        return _by_sums(log.statistics, judged.table, level)
    if len(log.batches) < 2:
        model = cross_fit(log.rows)
    else:
        fold = fold_of(len(log.batches))
        model = cross_fit_sums(folded(log.statistics, fold), fold[log.row_batch])
    options = Options(level=level, groups=log.groups)
    every = evaluate(log.rows, judged.table, model=model, options=options)
    # A bootstrap costs more than the estimate; the main ones have it.
    options = Options(
        level=level,
        intervals=("normal", "bootstrap", *_exact(log)),
        rng=rng,
        smallest_pscore=1.0 / log.rows.arms if log.rows.uniform else None,
        reward_range=log.reward_range or (0.0, 1.0),
    )
    main = evaluate(log.rows, judged.table, BOOTSTRAPPED, model=model, options=options)
    again = {estimate.estimator: estimate for estimate in main}
    found = [again.get(estimate.estimator, estimate) for estimate in every]
    return [
        replace(one, intervals=(*one.intervals, *_sequential(log, judged, one, level)))
        for one in found
    ]


def _exact(log: LoggedBatches) -> tuple[IntervalMethod, ...]:
    """Return the intervals that hold for every n: they need bounds known before the log."""
    uniform = log.rows is not None and log.rows.uniform
    return ("empirical-bernstein",) if uniform and log.reward_range is not None else ()


def _sequential(
    log: LoggedBatches, judged: JudgedPolicy, one: Estimate, level: float
) -> list[Interval]:
    """Return intervals that hold at all looks, for what is looked at batch after batch."""
    rows = log.rows
    if rows is None:
        return []
    if one.estimator == "dr":
        # The same at every look: a sequence that is tuned anew for each n holds at none but one.
        tuned_for = TUNED_BATCHES * int(log.statistics.n[0].sum())
        return [asymptotic(one.value, one.variance, one.n, level, tuned_for=tuned_for)]
    if one.estimator != "ips" or log.reward_range is None or rows.n > BETTING_ROWS:
        return []
    smallest = 1.0 / rows.arms if rows.uniform else None
    looks = np.array([rows.n])
    return betting(
        rows,
        judged.table,
        looks,
        level,
        smallest_pscore=smallest,
        reward_range=log.reward_range,
    )


def _by_sums(statistics: ArmStatistics, table: FloatArray, level: float) -> list[Estimate]:
    batches, positions, arms = statistics.n.shape
    options = Options(level=level)
    if batches < 2:
        flat = table[0] if table.ndim == 3 else table
        return evaluate(statistics.pooled(0), flat, WITHOUT_MODEL, options=options)
    fold = fold_of(batches)
    sums = folded(statistics, fold)
    model = cross_fit_sums(sums)
    if table.ndim == 2:
        return evaluate(sums, table, SUMS_ONLY, model=model, options=options)
    # A policy that changes with the batch: every (batch, position) is a position of its own,
    # whose rewards the model of the other folds predicts.
    shape = (batches * positions, arms)
    for one in table:
        check_policy(one, (positions, arms))
    wide = _each(statistics, lambda array: array.reshape(shape))
    variance = model.variance if model.variance is not None else np.zeros((positions, arms))
    # The batches share one model, so its error does not average out between them: B times
    # the variance bounds that of the sum (Cauchy–Schwarz).
    wide_model = RewardModel(
        model.mean[fold].reshape(1, *shape), variance=np.tile(variance * batches, (batches, 1))
    )
    return evaluate(wide, table.reshape(shape), SUMS_ONLY, model=wide_model, options=options)


def _each(statistics: ArmStatistics, change: Change) -> ArmStatistics:
    return ArmStatistics(
        *(change(getattr(statistics, field.name)) for field in fields(ArmStatistics))
    )
