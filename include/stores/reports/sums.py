"""Sums of batches in PostgreSQL: named by their content, superseded, never incremented."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True, order=True)
class BatchReference:
    """The sums of one batch, by their hash."""

    batch_id: str
    statistics_hash: str


# An experiment, and a batch with the name of its sums.
Named = tuple[str, BatchReference]


def lock_batch(connection: Connection, experiment: str, batch_id: str) -> None:
    """Wait until no other transaction writes the sums of this batch."""
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{experiment}/{batch_id}",)
    )


def mark_current(
    connection: Connection,
    table: str,
    named: Named,
    lake_version: int,
    observed_at: datetime,
) -> None:
    """Mark the sums of a batch as the ones that count, unless others were read later.

    Parameters
    ----------
    connection
        A transaction that holds the batch's lock.
    table
        Where it is kept which sums count.
    named
        Experiment, and the batch with the name of its sums.
    lake_version, observed_at
        What was read from, and when.
    """
    experiment, batch = named
    batch_id, name = batch.batch_id, batch.statistics_hash
    current = connection.execute(
        f"select statistics_hash, observed_at from allot.{table}"  # noqa: S608
        " where experiment = %s and batch_id = %s and superseded_at is null".encode(),
        (experiment, batch_id),
    ).fetchone()
    stale = current is not None and current[0] != name and current[1] > observed_at
    if not stale:
        connection.execute(
            f"update allot.{table} set superseded_at = greatest(%s, observed_at)"  # noqa: S608
            " where experiment = %s and batch_id = %s and superseded_at is null"
            " and statistics_hash <> %s".encode(),
            (observed_at, experiment, batch_id, name),
        )
    connection.execute(
        f"insert into allot.{table} as b (experiment, batch_id, statistics_hash,"  # noqa: S608
        " lake_version, first_observed_at, observed_at, superseded_at)"
        " values (%(experiment)s, %(batch)s, %(name)s, %(lake)s, %(at)s, %(at)s, %(superseded)s)"
        " on conflict (experiment, batch_id, statistics_hash) do update set"
        " first_observed_at = least(b.first_observed_at, excluded.observed_at),"
        " observed_at = greatest(b.observed_at, excluded.observed_at),"
        " superseded_at = case when %(superseded)s::timestamptz is null then null"
        " else b.superseded_at end".encode(),
        {
            "experiment": experiment,
            "batch": batch_id,
            "name": name,
            "lake": lake_version,
            "at": observed_at,
            "superseded": current[1] if stale and current is not None else None,
        },
    )


def insert_cells(
    connection: Connection,
    table: str,
    named: Named,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[object]],
) -> None:
    """Insert rows of sums that are not there yet.

    Parameters
    ----------
    connection
        An open transaction.
    table
        Immutable rows, keyed by experiment, batch and hash first.
    named
        Experiment, and the batch with the name of its sums.
    columns
        Name to type of what follows the key.
    rows
        Values of those columns.
    """
    if not rows:
        return
    experiment, batch = named
    arrays = sql.SQL(", ").join(sql.SQL("%s::{}[]").format(sql.SQL(t)) for t in columns.values())
    statement = sql.SQL(
        "insert into allot.{table} (experiment, batch_id, statistics_hash, {names})"
        " select %s, %s, %s, cell.* from unnest({arrays}) as cell"
        " on conflict do nothing"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, columns)),
        arrays=arrays,
    )
    given = map(list, zip(*rows, strict=True))
    connection.execute(statement, [experiment, batch.batch_id, batch.statistics_hash, *given])
