"""Erasure of a unit from PostgreSQL: one transaction per experiment, with its record."""

from dataclasses import dataclass
from typing import Final

from include.errors import ErasureError
from include.settings import Settings
from include.stores.reports.connection import Connection, transaction

ERASE_SECONDS: Final = 600.0

# A reward of the unit is addressed by its decision from now on; by nothing where it has none.
_REWARDS: Final = """
update allot.reward as r set
    erasure = %(number)s, unit = null, reward_id = 'erased:' || gen_random_uuid(),
    decision_id = (
        select d.decision_id from allot.decision as d
        where d.experiment = r.experiment and d.unit = r.unit and d.decided_at <= r.occurred_at
        order by d.decided_at desc, d.decision_id desc
        limit 1
    )
where r.experiment = %(slug)s and r.unit = %(unit)s
"""
# Names that clients gave may hold the unit's.
_NAMES: Final = """
update allot.reward as r set erasure = %(number)s, reward_id = 'erased:' || gen_random_uuid()
from allot.decision as d
where
    d.experiment = %(slug)s and d.unit = %(unit)s
    and r.experiment = d.experiment and r.decision_id = d.decision_id
    and r.unit is null and r.erasure is null and strpos(r.reward_id, %(unit)s) > 0
"""
_DECISIONS: Final = """
update allot.decision set erasure = %(number)s, unit = null, request_id = null
where experiment = %(slug)s and unit = %(unit)s
"""
_SUPERSEDED: Final = (
    (
        "delete from allot.decision_superseded where experiment = %(slug)s"
        " and (record::jsonb ->> 'unit' = %(unit)s or decision_id in"
        " (select decision_id from allot.decision where experiment = %(slug)s and unit = %(unit)s))"
    ),
    (
        "delete from allot.reward_superseded where experiment = %(slug)s"
        " and (record::jsonb ->> 'unit' = %(unit)s or reward_id in"
        " (select reward_id from allot.reward where experiment = %(slug)s and unit = %(unit)s))"
    ),
)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of one experiment; says nothing about whose it was."""

    experiment: str
    number: int
    decisions: int
    rewards: int
    superseded: int


def erase_from(
    settings: Settings, experiment: str, unit: str, *, requested_by: str, reason: str
) -> Erased:
    """Remove a unit from the log of an experiment, and the key behind its pseudonyms.

    Where nothing stands of the unit, a record is written all the same: it says that
    somebody asked, and that nothing was there.

    Raises
    ------
    ErasureError
        If an export has begun and not ended: it would name two things the same.
    """
    with transaction(settings, statement_seconds=ERASE_SECONDS) as connection:
        # No export may begin meanwhile, and no other erasure.
        connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 4))", (experiment,))
        _refuse_running_export(connection, experiment)
        number = _next(connection, experiment)
        values = {"slug": experiment, "unit": unit, "number": number}
        superseded = sum(connection.execute(each, values).rowcount for each in _SUPERSEDED)
        counts = connection.execute(
            "select (select count(*) from allot.decision where experiment = %(slug)s"
            " and unit = %(unit)s), (select count(*) from allot.reward where experiment = %(slug)s"
            " and unit = %(unit)s)",
            values,
        ).fetchall()[0]
        named = _named(connection, values)
        done = Erased(experiment, number, counts[0], counts[1] + named, superseded)
        _record(connection, done, requested_by, reason)
        connection.execute(_NAMES, values)
        connection.execute(_REWARDS, values)
        connection.execute(_DECISIONS, values)
        connection.execute("delete from allot.unit_key where unit = %(unit)s", values)
    return done


def _refuse_running_export(connection: Connection, experiment: str) -> None:
    running = connection.execute(
        "select 1 from allot.log_export where experiment = %s and done_at is null", (experiment,)
    ).fetchone()
    if running is not None:
        raise ErasureError(
            f"experiment {experiment!r}: an export to the lake has begun and not ended; run "
            "ingest_decision_log to its end, then erase again"
        )


def _next(connection: Connection, experiment: str) -> int:
    row = connection.execute(
        "select coalesce(max(number), 0) + 1 from allot.erasure where experiment = %s",
        (experiment,),
    ).fetchall()[0]
    return int(row[0])


def _named(connection: Connection, values: dict[str, object]) -> int:
    """Count the rewards of its decisions whose name holds the unit's."""
    row = connection.execute(
        "select count(*) from allot.reward as r inner join allot.decision as d"
        " on r.experiment = d.experiment and r.decision_id = d.decision_id"
        " where d.experiment = %(slug)s and d.unit = %(unit)s"
        " and r.unit is null and r.erasure is null and strpos(r.reward_id, %(unit)s) > 0",
        values,
    ).fetchall()[0]
    return int(row[0])


def _record(connection: Connection, done: Erased, requested_by: str, reason: str) -> None:
    connection.execute(
        "insert into allot.erasure (experiment, number, decisions, rewards, superseded,"
        " requested_by, reason) values (%s, %s, %s, %s, %s, %s, %s)",
        (
            *(done.experiment, done.number, done.decisions, done.rewards, done.superseded),
            *(requested_by, reason),
        ),
    )
