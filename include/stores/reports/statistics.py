"""Arm statistics in PostgreSQL: written by content, never incremented."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Final

import psycopg

from include.contract.canonical import Json, content_hash
from include.errors import UnknownExperimentError
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.sums import BatchReference, insert_cells, lock_batch, mark_current
from include.stores.reports.totals import ArmTotal, insert_totals


@dataclass(frozen=True, slots=True, order=True)
class StatisticsRow:
    """Sums of one cell of a batch; the sums are those of `ArmStatistics`.

    Attributes
    ----------
    version
        Weights version that decided (``v12``), or the behavior policy of a foreign log.
    position, arm
        Indices from 0.
    cohort
        Declared context cell; ``*`` where none is declared.
    decisions
        Of these observations, where one is a unit; ``None`` where one is a decision.
    """

    version: str
    position: int
    arm: int
    cohort: str
    n: int
    sum_r: float
    sum_r2: float
    sum_ip: float
    sum_ip2: float
    sum_r_ip: float
    sum_r_ip2: float
    sum_r2_ip2: float
    decisions: int | None = None


COLUMNS: Final = tuple(field.name for field in fields(StatisticsRow))
_COLUMNS: Final = dict(
    zip(
        COLUMNS,
        ("text", "smallint", "smallint", "text", "bigint", *["double precision"] * 7, "bigint"),
        strict=True,
    )
)


def statistics_hash(
    experiment: str,
    batch_id: str,
    rows: Iterable[StatisticsRow],
    totals: Iterable[ArmTotal] = (),
) -> str:
    """Name the sums of a batch: SHA-256 over canonical JSON, rows sorted, floats exact.

    Totals by arm enter the name only where there are any.
    """
    cells: list[Json] = [_named(row) for row in sorted(rows)]
    named: list[Json] = ["allot.statistics/1", experiment, batch_id, cells]
    added: list[Json] = [total.named() for total in sorted(totals)]
    return content_hash([*named, added] if added else named)


def statistics_hash_over_closed(experiment: str, batches: Iterable[BatchReference]) -> str:
    """Name the statistics of all given batches, in ``batch_id`` order."""
    pairs: list[Json] = [[batch.batch_id, batch.statistics_hash] for batch in sorted(batches)]
    return content_hash(["allot.closed/1", experiment, pairs])


def write_batch_statistics(
    settings: Settings,
    experiment: str,
    batch_id: str,
    rows: Sequence[StatisticsRow],
    *,
    lake_version: int,
    observed_at: datetime,
    totals: Sequence[ArmTotal] = (),
) -> BatchReference:
    """Store the sums of a batch and mark them as the ones that count.

    Repeating it changes nothing; other sums supersede the former ones, which are kept.
    Sums that were read from silver before those that count now never supersede them, so a
    task that outlives its own retry does no harm. One transaction, under a lock per
    (experiment, batch).

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    experiment
        Slug.
    batch_id
        As made by `batch_id_of`.
    rows
        Only rows of logs that the experiment learns from; cells without observation left out.
    lake_version
        Version of the silver table that was read.
    observed_at
        When reading silver began.
    totals
        What the posterior adds, and inference does not know.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    ReportsUnavailableError
        If PostgreSQL is lost; repeat the call.
    """
    batch = BatchReference(batch_id, statistics_hash(experiment, batch_id, rows, totals))
    with transaction(settings) as connection:
        lock_batch(connection, experiment, batch_id)
        try:
            mark_current(
                connection, "batch_statistics", (experiment, batch), lake_version, observed_at
            )
        except psycopg.errors.ForeignKeyViolation as error:
            raise UnknownExperimentError(
                f"experiment {experiment!r} is not registered; sync the experiments folder first"
            ) from error
        cells = [_plain(row) for row in rows]
        insert_cells(connection, "arm_statistics", (experiment, batch), _COLUMNS, cells)
        insert_totals(connection, experiment, batch_id, batch.statistics_hash, totals)
    return batch


def _named(row: StatisticsRow) -> list[Json]:
    """Return what names a row: its decisions only where they are not its observations."""
    *sums, decisions = _plain(row)
    return [*sums] if decisions in {None, row.n} else [*sums, decisions]


def _plain(row: StatisticsRow) -> list[str | int | float | None]:
    """Return built-in types whatever numpy gave, so that equal sums give equal bytes."""
    counts = (int(row.position), int(row.arm), row.cohort, int(row.n))
    # Adding 0.0 turns −0.0 into 0.0.
    sums = (float(value) + 0.0 for value in astuple(row)[5:-1])
    return [row.version, *counts, *sums, row.decisions]
