"""The decision log in PostgreSQL, as the lake reads it: by ranges of ended transactions.

Rows become visible out of order of their times, so ranges are of transactions, not of times:
all of a range had ended when it was fixed, hence whoever reads it, and however often, reads
the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from include.errors import ExportError
from include.settings import Settings
from include.stores.reports.connection import Connection, transaction

RANGE_ROWS: Final = 500_000
EXPORT_SECONDS: Final = 300.0
KINDS: Final = ("decision", "reward", "exposure")

_OBJECTS: Final = "select number, kind, sha256, rows, first_at, last_at from allot.log_object"
IN_RANGE: Final = "experiment = %s and received_xid >= %s::xid8 and received_xid < %s::xid8"


@dataclass(frozen=True, slots=True)
class ExportRange:
    """Transactions that are exported together.

    Attributes
    ----------
    experiment, number
        Which export of which experiment.
    from_xid, to_xid
        First transaction, and the one after the last.
    """

    experiment: str
    number: int
    from_xid: str
    to_xid: str


@dataclass(frozen=True, slots=True)
class LogObject:
    """One bronze object of an export; columns of ``log_object``."""

    number: int
    kind: str
    sha256: str
    rows: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far silver has followed: newest export in it, and until when it is complete."""

    number: int
    covered_until: datetime | None


def next_range(settings: Settings, experiment: str) -> ExportRange | datetime:
    """Return the oldest export that is not done, fixing a new one where rows wait.

    Of two processes that ask at once both get the same range: the second finds the first's.

    Returns
    -------
    ExportRange or datetime
        Where nothing waits: until when everything that was written has been exported.

    Raises
    ------
    ExportError
        If the database counts transactions from below those already exported.
    """
    with transaction(settings, statement_seconds=EXPORT_SECONDS) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 4))", (experiment,))
        waiting = connection.execute(
            "select number, from_xid::text, to_xid::text from allot.log_export"
            " where experiment = %s and done_at is null order by number limit 1",
            (experiment,),
        ).fetchone()
        if waiting is not None:
            return ExportRange(experiment, *waiting)
        return _fix_next(connection, experiment)


def _fix_next(connection: Connection, experiment: str) -> ExportRange | datetime:
    row = connection.execute(
        "select coalesce(max(number), 0), coalesce(max(to_xid), '0'::xid8)::text,"
        " pg_snapshot_xmin(pg_current_snapshot())::text,"
        " pg_snapshot_xmin(pg_current_snapshot()) < coalesce(max(to_xid), '0'::xid8)"
        " from allot.log_export where experiment = %s",
        (experiment,),
    ).fetchone()
    if row is None:
        raise ExportError(f"experiment {experiment!r}: its exports cannot be counted")
    number, start, horizon, went_back = row
    if went_back:
        raise ExportError(
            f"experiment {experiment!r}: transactions up to {start} were exported, but the "
            f"database has only come to {horizon}; it was restored into a new cluster. Stop it, "
            f"run pg_resetwal --next-transaction-id beyond {start}, and start it again"
        )
    ends = [_end(connection, kind, experiment, start, horizon) for kind in KINDS]
    known = [int(end) for end in ends if end is not None]
    if not known:
        return _covered(connection, experiment, horizon)
    end = str(min(known))
    connection.execute(
        "insert into allot.log_export (experiment, number, from_xid, to_xid)"
        " values (%s, %s, %s::xid8, %s::xid8)",
        (experiment, number + 1, start, end),
    )
    return ExportRange(experiment, number + 1, start, end)


def _end(
    connection: Connection, kind: str, experiment: str, start: str, horizon: str
) -> str | None:
    """Return where a range of bearable size ends; ``None`` where no row waits."""
    for offset in (RANGE_ROWS, 0):
        row = connection.execute(
            f"select received_xid::text from allot.{kind} where {IN_RANGE}"  # noqa: S608 - of KINDS
            " order by received_xid offset %s limit 1",
            (experiment, start, horizon, offset),
        ).fetchone()
        if row is not None:
            # A transaction is never cut, however many rows it wrote.
            return str(max(int(row[0]), int(start) + 1)) if offset else horizon
    return None


def _covered(connection: Connection, experiment: str, horizon: str) -> datetime:
    """Return until when no acknowledged row is missing: rows of running transactions wait."""
    oldest = [
        f"(select min(received_at) from allot.{kind}"  # noqa: S608 - of KINDS
        " where experiment = %(slug)s and received_xid >= %(xid)s::xid8)"
        for kind in KINDS
    ]
    row = connection.execute(
        f"select least(clock_timestamp(), {', '.join(oldest)})".encode(),
        {"slug": experiment, "xid": horizon},
    ).fetchone()
    if row is None:
        raise ExportError(f"experiment {experiment!r}: PostgreSQL does not tell the time")
    covered: datetime = row[0]
    return covered


def finish(settings: Settings, done: ExportRange, objects: Sequence[LogObject]) -> None:
    """Record the objects of an export; those of whoever came first stand."""
    with transaction(settings) as connection:
        mine = connection.execute(
            "update allot.log_export set done_at = clock_timestamp()"
            " where experiment = %s and number = %s and done_at is null returning 1",
            (done.experiment, done.number),
        ).fetchone()
        if mine is None:
            return
        for each in objects:
            connection.execute(
                "insert into allot.log_object (experiment, number, kind, sha256, rows, first_at,"
                " last_at) values (%s, %s, %s, %s, %s, %s, %s)",
                (
                    *(done.experiment, done.number, each.kind),
                    *(each.sha256, each.rows, each.first_at, each.last_at),
                ),
            )


def objects_between(
    connection: Connection, experiment: str, kind: str, first: datetime, last: datetime
) -> list[LogObject]:
    """Return the objects that may hold records of a span of time, oldest export first."""
    return _objects(
        connection,
        " where experiment = %s and kind = %s and last_at >= %s and first_at <= %s",
        (experiment, kind, first, last),
    )


def objects_after(connection: Connection, experiment: str, number: int) -> list[LogObject]:
    """Return the objects of the exports after a number, oldest first."""
    return _objects(connection, " where experiment = %s and number > %s", (experiment, number))


def _objects(
    connection: Connection, where: LiteralString, values: Sequence[object]
) -> list[LogObject]:
    rows = connection.execute(_OBJECTS + where + " order by number, kind", values)
    return [LogObject(*row) for row in rows]


def read_progress(connection: Connection, experiment: str) -> Progress:
    """Return how far silver has followed."""
    row = connection.execute(
        "select number, covered_until from allot.log_progress where experiment = %s",
        (experiment,),
    ).fetchone()
    return Progress(0, None) if row is None else Progress(*row)


def advance(connection: Connection, experiment: str, number: int, covered: datetime) -> None:
    """Note that silver has followed so far; it never goes back."""
    connection.execute(
        "insert into allot.log_progress as p (experiment, number, covered_until)"
        " values (%s, %s, %s) on conflict (experiment) do update set"
        " number = greatest(p.number, excluded.number),"
        " covered_until = greatest(p.covered_until, excluded.covered_until)",
        (experiment, number, covered),
    )
