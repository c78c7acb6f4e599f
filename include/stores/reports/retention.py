"""Retention of the decision log in PostgreSQL: what the lake has and an audit has passed may go."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from include.settings import Settings
from include.stores.reports.connection import Connection, transaction

CHUNK_ROWS: Final = 50_000
CHUNK_SECONDS: Final = 120.0
TABLES: Final = (
    *("reward", "exposure", "decision"),
    *("reward_superseded", "decision_superseded"),
)

_OLD: Final = "experiment = %(slug)s and received_at < %(before)s and received_xid < %(xid)s::xid8"


@dataclass(frozen=True, slots=True)
class Removable:
    """Which part of an experiment's log may be removed.

    Attributes
    ----------
    experiment
        Slug.
    received_before
        Only records that were written before.
    before_xid
        Only records of earlier transactions: they are in silver, and an audit passed them.
    """

    experiment: str
    received_before: datetime
    before_xid: int


def removable(connection: Connection, experiment: str, received_before: datetime) -> Removable:
    """Return how far the log may be removed; up to transaction 0 where nothing is safe yet."""
    # least() passes over nulls: a log that is not in silver, or was never audited, stays whole.
    row = connection.execute(
        "select least(coalesce(("
        " select max(e.to_xid) from allot.log_export as e"
        " inner join allot.log_progress as p on e.experiment = p.experiment"
        " where e.experiment = %(slug)s and e.number <= p.number and e.done_at is not null"
        "), '0'::xid8), coalesce(("
        " select max(to_xid) from allot.audit where experiment = %(slug)s and differing = 0"
        "), '0'::xid8))::text::bigint",
        {"slug": experiment},
    ).fetchall()[0]
    return Removable(experiment, received_before, int(row[0]))


def count_old(connection: Connection, found: Removable) -> dict[str, int]:
    """Count the records of each table that `remove_old` would remove."""
    return {
        table: int(
            connection.execute(
                f"select count(*) from allot.{table} where {_OLD}",  # noqa: S608 - of TABLES
                _values(found),
            ).fetchall()[0][0]
        )
        for table in TABLES
    }


def remove_old(settings: Settings, found: Removable, dag_run: str) -> dict[str, int]:
    """Remove old records in small transactions, and write down how many.

    Decisions go after what names them.
    A killed run leaves fewer records, and no row in ``allot.retention`` for what it removed.
    """
    removed = {table: _remove(settings, found, table) for table in TABLES}
    if any(removed.values()):
        with transaction(settings) as connection:
            connection.execute(
                "insert into allot.retention (experiment, number, received_before, before_xid,"
                " decisions, rewards, exposures, superseded, dag_run) select %s,"
                " coalesce(max(number), 0) + 1, %s, %s::xid8, %s, %s, %s, %s, %s"
                " from allot.retention where experiment = %s",
                (
                    *(found.experiment, found.received_before, str(found.before_xid)),
                    *(removed["decision"], removed["reward"], removed["exposure"]),
                    removed["reward_superseded"] + removed["decision_superseded"],
                    *(dag_run, found.experiment),
                ),
            )
    return removed


def _remove(settings: Settings, found: Removable, table: str) -> int:
    total = 0
    while True:
        with transaction(settings, statement_seconds=CHUNK_SECONDS) as connection:
            done = connection.execute(
                f"delete from allot.{table} where ctid = any(array("  # noqa: S608 - of TABLES
                f"select ctid from allot.{table} where {_OLD} limit {CHUNK_ROWS}))",
                _values(found),
            ).rowcount
        total += done
        if done < CHUNK_ROWS:
            return total


def _values(found: Removable) -> dict[str, object]:
    return {
        "slug": found.experiment,
        "before": found.received_before,
        "xid": str(found.before_xid),
    }
