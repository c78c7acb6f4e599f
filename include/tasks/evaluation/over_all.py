"""Every estimator over all positions: from rows in memory, or streamed where they do not fit."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope import Estimate, Options, evaluate
from include.bandit.ope.confidence_sequence import Scored, asymptotic, betting_on
from include.bandit.ope.estimate import Interval, IntervalMethod
from include.bandit.ope.streamed import Part, StreamedLog, distinct_scores, evaluate_streamed
from include.bandit.reward_model import cross_fit, cross_fit_sums
from include.bandit.statistics import ArmStatistics, FloatArray
from include.tasks.evaluation.by_sums import by_sums, over_batches
from include.tasks.evaluation.folding import fold_of, folded
from include.tasks.evaluation.logs import LoggedBatches

BOOTSTRAPPED: Final = ("ips", "snips", "dr")
# Finding the ends of a betting sequence costs some hundred passes over the distinct scores.
BETTING_SCORES: Final = 100_000
# Where the asymptotic sequence is tightest, in units of the first batch's rows.
TUNED_BATCHES: Final = 5


def over_all(
    log: LoggedBatches, table: FloatArray, level: float, rng: np.random.Generator
) -> list[Estimate]:
    """Estimate the value of a table (P, K), or (B, P, K), over all positions."""
    if table.ndim == 3:
        if log.rows is None or log.row_batch is None or log.rows.cluster is None:
            return by_sums(log.statistics, table, level, log.by_unit)
        return over_batches(log.statistics, log.rows, log.row_batch, table, level)
    if log.rows is not None:
        found = _in_memory(log, log.rows, table, level, rng)
    elif len(log.batches) < 2:
        # One batch makes no folds, so no model either.
        return by_sums(log.statistics, table, level, log.by_unit)
    else:
        found = _streamed(log, table, level)
    return list(_with_sequences(log, table, found, level))


def _in_memory(
    log: LoggedBatches, rows: Feedback, table: FloatArray, level: float, rng: np.random.Generator
) -> list[Estimate]:
    if len(log.batches) < 2:
        model = cross_fit(rows)
    else:
        fold = fold_of(len(log.batches))
        model = cross_fit_sums(folded(log.statistics, fold), fold[log.row_batch])
    options = Options(level=level, groups=log.groups)
    every = evaluate(rows, table, model=model, options=options)
    # A bootstrap costs more than the estimate; the main ones have it.
    options = replace(
        _bounded(log, level), intervals=("normal", "bootstrap", *_exact(log)), rng=rng
    )
    main = evaluate(rows, table, BOOTSTRAPPED, model=model, options=options)
    again = {estimate.estimator: estimate for estimate in main}
    # The main ones stand beside fewer others: what they are compared with is the same.
    return [
        replace(one, intervals=again[one.estimator].intervals) if one.estimator in again else one
        for one in every
    ]


def _streamed(log: LoggedBatches, table: FloatArray, level: float) -> list[Estimate]:
    fold = fold_of(len(log.batches))
    sums = folded(log.statistics, fold)
    options = replace(
        _bounded(log, level),
        intervals=("normal", *_exact(log)),
        groups=log.groups,
        uniform_log=log.uniform,
    )
    return evaluate_streamed(_stream(log, sums), table, cross_fit_sums(sums), options)


def _stream(log: LoggedBatches, sums: ArmStatistics) -> StreamedLog:
    fold = fold_of(len(log.batches))

    def parts() -> Iterator[Part]:
        for batch, rows, count in log.parts():
            yield int(fold[batch]), rows, count

    units = None if log.by_unit is None else log.by_unit.folded(fold)
    return StreamedLog(parts, sums, log.smallest_pscore, units)


def _bounded(log: LoggedBatches, level: float) -> Options:
    """Return options with the bounds that were known before the log."""
    return Options(
        level=level,
        smallest_pscore=1.0 / log.statistics.n.shape[-1] if log.uniform else None,
        reward_range=log.reward_range or (0.0, 1.0),
    )


def _exact(log: LoggedBatches) -> tuple[IntervalMethod, ...]:
    """Return the intervals that hold for every n: they need bounds known before the log."""
    known = log.uniform and log.reward_range is not None
    return ("empirical-bernstein",) if known and not log.units else ()


def _with_sequences(
    log: LoggedBatches, table: FloatArray, found: list[Estimate], level: float
) -> Iterator[Estimate]:
    """Add intervals that hold at all looks, for what is looked at batch after batch."""
    for one in found:
        more: list[Interval] = []
        if one.estimator == "dr":
            # The same at every look: a sequence that is tuned anew for each n holds at no other.
            first = TUNED_BATCHES * int(log.statistics.n[0].sum())
            more = [asymptotic(one.value, one.variance, one.n, level, tuned_for=first)]
        if one.estimator == "ips":
            more = _betting(log, table, level)
        yield replace(one, intervals=(*one.intervals, *more))


def _betting(log: LoggedBatches, table: FloatArray, level: float) -> list[Interval]:
    if log.reward_range is None or log.units or log.mixed:
        return []
    scored = _scored(log, table)
    if scored is None:
        return []
    bounds = _bounded(log, level)
    return [
        betting_on(
            scored,
            table,
            level,
            smallest_pscore=bounds.smallest_pscore,
            reward_range=log.reward_range,
        )
    ]


def _scored(log: LoggedBatches, table: FloatArray) -> Scored | None:
    if log.rows is None:
        return distinct_scores(_stream(log, log.statistics), table, BETTING_SCORES)
    rows = log.rows
    weight = table[rows.position, rows.arm] / rows.pscore
    scored = Scored.of(weight, rows.reward)
    return scored if len(scored.count) <= BETTING_SCORES else None
