"""Batches as the update reads them: which are closed, and their sums as arrays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from itertools import groupby
from typing import Final

from include.bandit.statistics import ArmStatistics
from include.contract.batches import was_closed
from include.contract.weights import POOLED_CELL
from include.errors import LineageError
from include.experiments.schema import Experiment, OpenBanditSource
from include.stores.reports.connection import Connection
from include.stores.reports.statistics import (
    COLUMNS,
    StatisticsRow,
    statistics_hash,
)
from include.stores.reports.sums import BatchReference
from include.stores.reports.totals import ArmTotal, stored_totals

_SUMS: Final = tuple(field.name for field in fields(ArmStatistics))
# Built from the dataclass's own field names.
_SELECT: Final = "select batch_id, statistics_hash, " + ", ".join(COLUMNS)


def closed_batches(connection: Connection, experiment: Experiment) -> list[BatchReference]:
    """Return the batches whose sums were read after their reward window, in order.

    Sums that were read earlier may miss rewards; their batch waits for the next reading.
    """
    rows = connection.execute(
        "select batch_id, statistics_hash, observed_at from allot.batch_statistics"
        " where experiment = %s and superseded_at is null order by batch_id",
        (experiment.slug,),
    ).fetchall()
    return [
        BatchReference(batch_id, name)
        for batch_id, name, observed_at in rows
        if was_closed(batch_id, experiment.batch, experiment.reward.window, observed_at)
    ]


def read_statistics(
    connection: Connection, experiment: Experiment, batches: Sequence[BatchReference]
) -> dict[str, ArmStatistics]:
    """Return the sums that an experiment learns from, per cell, a leading axis of batches.

    Parameters
    ----------
    connection
        An open transaction.
    experiment
        Arms, positions and the log to learn from.
    batches
        Sums by hash, current ones or those that an older version folded.

    Returns
    -------
    dict
        Context cell to sums of shape ``(batches, positions, K)``, batches in the order given,
        weights versions pooled. ``"*"`` holds what belongs to no declared cell, and totals by
        arm. Counts are of decisions also where an observation is a unit: a rate is per decision.

    Raises
    ------
    LineageError
        If stored rows are missing, do not hash to their name, or name an unknown arm.
    """
    shape = (len(batches), experiment.positions, len(experiment.arms))
    cells = {cell: ArmStatistics.zeros(shape) for cell in (POOLED_CELL, *experiment.cells)}
    index = {batch: at for at, batch in enumerate(batches)}
    for batch, rows, totals in _verified(connection, experiment.slug, batches):
        for row in map(_per_decision, _learned(experiment, rows)):
            if row.position >= shape[1] or row.arm >= shape[2]:
                raise LineageError(
                    f"experiment {experiment.slug!r}, batch {batch.batch_id}: statistics name "
                    f"position {row.position} and arm {row.arm}, but it declares {shape[1:]}"
                )
            sums = cells.get(row.cohort, cells[POOLED_CELL])
            # Rows come sorted, so floats are added in the same order every time.
            for name in _SUMS:
                getattr(sums, name)[index[batch], row.position, row.arm] += getattr(row, name)
        for total in totals:
            # They know neither cell nor propensity, and are taken where there is one position.
            for name in ("n", "sum_r", "sum_r2"):
                pooled = getattr(cells[POOLED_CELL], name)
                pooled[index[batch], 0, total.arm] += getattr(total, name)
    return cells


def _per_decision(row: StatisticsRow) -> StatisticsRow:
    """Count decisions where an observation is a unit, whose rewards may add up to more than 1.

    Σ1/p scales with the count, since p is the same for all decisions of a row.
    """
    if row.decisions is None:
        return row
    ratio = row.decisions / row.n
    return replace(row, n=row.decisions, sum_ip=row.sum_ip * ratio, sum_ip2=row.sum_ip2 * ratio)


def read_rows(
    connection: Connection, experiment: Experiment, batches: Sequence[BatchReference]
) -> list[tuple[BatchReference, list[StatisticsRow]]]:
    """Return the rows that an experiment learns from, weights versions kept apart, verified.

    These are what verdicts stand on, so that totals by arm are not among them.

    Raises
    ------
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    return [
        (batch, list(_learned(experiment, rows)))
        for batch, rows, _ in _verified(connection, experiment.slug, batches)
    ]


def _learned(experiment: Experiment, rows: Iterable[StatisticsRow]) -> Iterator[StatisticsRow]:
    source = experiment.source
    if isinstance(source, OpenBanditSource):
        return (row for row in rows if row.version == source.learn_from)
    return iter(rows)


def _verified(
    connection: Connection, experiment: str, batches: Sequence[BatchReference]
) -> Iterator[tuple[BatchReference, list[StatisticsRow], list[ArmTotal]]]:
    found = dict(_stored(connection, experiment, batches))
    names = [(batch.batch_id, batch.statistics_hash) for batch in batches]
    added = stored_totals(connection, experiment, names)
    for batch, key in zip(batches, names, strict=True):
        rows, totals = found.get(batch, []), added.get(key, [])
        if statistics_hash(experiment, batch.batch_id, rows, totals) != batch.statistics_hash:
            raise LineageError(
                f"experiment {experiment!r}: the stored sums of batch {batch.batch_id} do not hash "
                f"to {batch.statistics_hash}; restore allot.arm_statistics and "
                "allot.total_statistics from a backup"
            )
        yield batch, rows, totals


def _stored(
    connection: Connection, experiment: str, batches: Sequence[BatchReference]
) -> Iterator[tuple[BatchReference, list[StatisticsRow]]]:
    rows = connection.execute(
        _SELECT + " from allot.arm_statistics"
        " join unnest(%s::text[], %s::text[]) as wanted (batch_id, statistics_hash)"
        " using (batch_id, statistics_hash)"
        " where experiment = %s"
        ' order by batch_id, statistics_hash, version collate "C", position, arm,'
        ' cohort collate "C"',
        (
            [batch.batch_id for batch in batches],
            [batch.statistics_hash for batch in batches],
            experiment,
        ),
    ).fetchall()
    for (batch_id, name), group in groupby(rows, key=lambda row: (row[0], row[1])):
        yield BatchReference(batch_id, name), [StatisticsRow(*row[2:]) for row in group]
