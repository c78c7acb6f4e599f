"""Sums of declared metrics in PostgreSQL: written by content, never incremented."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from itertools import groupby
from typing import Final

from include.contract.canonical import Json, content_hash
from include.errors import LineageError
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.sums import BatchReference, insert_cells, lock_batch, mark_current


@dataclass(frozen=True, slots=True, order=True)
class MetricRow:
    """Sums of one cell of a batch; the sums are those of `MetricStatistics`.

    Attributes
    ----------
    metric
        Name of the declared metric.
    version, position, arm, cohort
        As in `StatisticsRow`.
    """

    metric: str
    version: str
    position: int
    arm: int
    cohort: str
    n: int
    capped: float
    sum_abs: float
    sum_y: float
    sum_y2: float
    sum_x: float
    sum_x2: float
    sum_xy: float
    sum_ip: float
    sum_y_ip: float
    sum_x_ip: float
    sum_ip2: float
    sum_y_ip2: float
    sum_y2_ip2: float
    sum_x_ip2: float
    sum_x2_ip2: float
    sum_xy_ip2: float


COLUMNS: Final = tuple(field.name for field in fields(MetricRow))
_KEY: Final = ("text", "text", "smallint", "smallint", "text", "bigint")
_SUMS: Final = ["double precision"] * (len(COLUMNS) - len(_KEY))
_COLUMNS: Final = dict(zip(COLUMNS, (*_KEY, *_SUMS), strict=True))


def metrics_hash(experiment: str, batch_id: str, rows: Iterable[MetricRow]) -> str:
    """Name the sums of a batch: SHA-256 over canonical JSON, rows sorted, floats exact."""
    cells: list[Json] = [[*astuple(row)] for row in sorted(rows)]
    return content_hash(["allot.metrics/1", experiment, batch_id, cells])


def write_metric_statistics(
    settings: Settings,
    experiment: str,
    batch_id: str,
    rows: Sequence[MetricRow],
    *,
    lake_version: int,
    observed_at: datetime,
) -> BatchReference:
    """Store the sums of a batch's metrics and mark them as the ones that count.

    As `write_batch_statistics`: repeating it changes nothing, other sums supersede the former
    ones, older readings never supersede newer ones.

    Raises
    ------
    ReportsUnavailableError
        If PostgreSQL is lost; repeat the call.
    """
    batch = BatchReference(batch_id, metrics_hash(experiment, batch_id, rows))
    with transaction(settings) as connection:
        lock_batch(connection, experiment, batch_id)
        mark_current(connection, "metric_batch", (experiment, batch), lake_version, observed_at)
        cells = [astuple(row) for row in rows]
        insert_cells(connection, "metric_statistics", (experiment, batch), _COLUMNS, cells)
    return batch


def metrics_by_batch(
    connection: Connection, experiment: Experiment, batches: Sequence[BatchReference]
) -> dict[str, list[MetricRow]]:
    """Return the current sums of an experiment's metrics by batch, none where it declares none."""
    if not experiment.metrics:
        return {}
    names = [batch.batch_id for batch in batches]
    found = read_metric_rows(connection, experiment.slug, names)
    return {batch.batch_id: rows for batch, rows in found}


def read_metric_rows(
    connection: Connection, experiment: str, batch_ids: Sequence[str]
) -> list[tuple[BatchReference, list[MetricRow]]]:
    """Return the current sums of batches that have any, in ``batch_id`` order, verified.

    Raises
    ------
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    current = connection.execute(
        "select batch_id, statistics_hash from allot.metric_batch"
        " where experiment = %s and batch_id = any(%s::text[]) and superseded_at is null"
        ' order by batch_id collate "C"',
        (experiment, [*batch_ids]),
    ).fetchall()
    stored = connection.execute(
        f"select batch_id, {', '.join(COLUMNS)} from allot.metric_statistics"  # noqa: S608
        " join unnest(%s::text[], %s::text[]) as wanted (batch_id, statistics_hash)"
        " using (batch_id, statistics_hash) where experiment = %s order by batch_id".encode(),
        ([row[0] for row in current], [row[1] for row in current], experiment),
    ).fetchall()
    groups = groupby(stored, key=lambda row: row[0])
    found = {batch: sorted(MetricRow(*row[1:]) for row in group) for batch, group in groups}
    read: list[tuple[BatchReference, list[MetricRow]]] = []
    for batch_id, name in current:
        rows = found.get(batch_id, [])
        if metrics_hash(experiment, batch_id, rows) != name:
            raise LineageError(
                f"experiment {experiment!r}: the stored metrics of batch {batch_id} do not hash to "
                f"{name}; restore allot.metric_statistics from a backup"
            )
        read.append((BatchReference(batch_id, name), rows))
    return read
