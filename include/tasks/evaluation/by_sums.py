"""Estimates that need no more than sums per batch, or the same with clusters from the rows."""

from dataclasses import replace
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback, check_policy
from include.bandit.ope import Estimate, Options, evaluate
from include.bandit.ope.units import UnitRows
from include.bandit.reward_model import RewardModel, cross_fit_sums
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.tasks.evaluation.folding import each, fold_of, folded, select
from include.tasks.evaluation.logs import LoggedBatches

SUMS_ONLY: Final = ("ips", "snips", "dm", "dr", "sndr")
WITHOUT_MODEL: Final = ("ips", "snips")


def by_sums(
    statistics: ArmStatistics, table: FloatArray, level: float, units: UnitRows | None = None
) -> list[Estimate]:
    """Estimate from sums (B, P, K).

    Parameters
    ----------
    statistics
        Sums of shape (B, P, K).
    table
        Shape (P, K), or (B, P, K) where it changes with the batch.
    level
        Confidence of the intervals.
    units
        The rows behind the sums with their batch, where units come again.
    """
    batches = len(statistics.n)
    options = Options(level=level)
    if batches < 2:
        flat = table[0] if table.ndim == 3 else table
        return evaluate(statistics.pooled(0), flat, WITHOUT_MODEL, options=options, units=units)
    if table.ndim == 2 and units is None:
        sums = folded(statistics, fold_of(batches))
        return evaluate(sums, table, SUMS_ONLY, model=cross_fit_sums(sums), options=options)
    tables = np.broadcast_to(table, statistics.n.shape)
    wide, model = _widened(statistics, tables)
    flat = tables.reshape(wide.n.shape)
    spread = None if units is None else units.spread(batches)
    return evaluate(wide, flat, SUMS_ONLY, model=model, options=options, units=spread)


def at_position(
    log: LoggedBatches, table: FloatArray, position: int, level: float
) -> list[Estimate]:
    """Estimate what one position is worth; by its rows where units come again."""
    only = slice(position, position + 1)
    sums = select(log.statistics, (slice(None), only))
    narrow = table[..., only, :]
    if log.by_unit is not None:
        return by_sums(sums, narrow, level, log.by_unit.at_position(position))
    rows, row_batch = log.rows, log.row_batch
    if rows is None or row_batch is None or rows.cluster is None:
        return by_sums(sums, narrow, level)
    mine = rows.position == position
    own = rows.take(mine)
    alone = replace(own, position=np.zeros_like(own.arm), positions=1)
    return over_batches(sums, alone, row_batch[mine], narrow, level)


def over_batches(
    statistics: ArmStatistics,
    rows: Feedback,
    row_batch: IntArray,
    table: FloatArray,
    level: float,
) -> list[Estimate]:
    """Estimate as `by_sums` does, from the rows behind the sums and with their clusters.

    Parameters
    ----------
    statistics
        Sums of shape (B, P, K).
    rows, row_batch
        The same log row by row, and the batch of every row.
    table
        Shape (P, K), or (B, P, K).
    level
        Confidence of the intervals.
    """
    batches, positions, arms = statistics.n.shape
    options = Options(level=level)
    tables = np.broadcast_to(table, (batches, positions, arms))
    spread = replace(
        rows, position=row_batch * positions + rows.position, positions=batches * positions
    )
    flat = tables.reshape(batches * positions, arms)
    if batches < 2:
        return evaluate(spread, flat, WITHOUT_MODEL, options=options)
    model = _widened(statistics, tables)[1]
    return evaluate(spread, flat, SUMS_ONLY, model=model, options=options)


def _widened(statistics: ArmStatistics, table: FloatArray) -> tuple[ArmStatistics, RewardModel]:
    """Make every (batch, position) a position of its own, predicted by the other folds' model."""
    batches, positions, arms = statistics.n.shape
    shape = (batches * positions, arms)
    for one in table:
        check_policy(one, (positions, arms))
    fold = fold_of(batches)
    model = cross_fit_sums(folded(statistics, fold))
    variance = model.variance if model.variance is not None else np.zeros((positions, arms))
    # The batches share one model, so its error does not average out between them: B times
    # the variance bounds that of the sum (Cauchy–Schwarz).
    wide = RewardModel(
        model.mean[fold].reshape(1, *shape), variance=np.tile(variance * batches, (batches, 1))
    )
    return each(statistics, lambda array: array.reshape(shape)), wide
