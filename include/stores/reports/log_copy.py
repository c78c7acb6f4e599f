"""Records of the decision log as the lake reads them: in one order, without unit ids."""

from collections.abc import Iterator
from typing import Final

from include.settings import Settings
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.decision_log import EXPORT_SECONDS, IN_RANGE, ExportRange

# Doubles hold microseconds of this century exactly, and are ten times faster than `extract`.
_MICROSECONDS: Final = "round(date_part('epoch', {}) * 1e6)::bigint"
_PSEUDONYM: Final = "left(encode(sha256(k.key || convert_to(l.unit, 'UTF8')), 'hex'), 32)"
_DECISIONS: Final = (
    f"l.decision_id, {_PSEUDONYM}, l.cell, l.version, l.content_hash, l.strategy,"
    " array_to_string(l.arms, ' '), array_to_string(l.arm_ids, ' '),"
    " array_to_string(l.shares, ' '), array_to_string(l.buckets, ' '), l.flag,"
    f" {_MICROSECONDS.format('l.decided_at')}, {_MICROSECONDS.format('l.received_at')},"
    " l.covariates"
)
# A reward's name may hold the unit's, so that it is hashed under the same key.
_REWARDS: Final = (
    "left(encode(sha256(coalesce(k.key, ''::bytea) || convert_to(l.reward_id, 'UTF8')), 'hex'),"
    f" 32), l.decision_id, {_PSEUDONYM}, l.arm_id, l.value,"
    f" {_MICROSECONDS.format('l.occurred_at')}, {_MICROSECONDS.format('l.received_at')},"
    " l.metrics"
)
_EXPOSURES: Final = (
    f"l.decision_id, {_MICROSECONDS.format('l.occurred_at')},"
    f" {_MICROSECONDS.format('l.received_at')}"
)
_COLUMNS: Final = {"decision": _DECISIONS, "reward": _REWARDS, "exposure": _EXPOSURES}
# The same order whatever locale a database was made with: equal records give equal bytes.
_ORDER: Final = {
    "decision": "l.decision_id",
    "reward": 'l.reward_id collate "C"',
    "exposure": "l.decision_id, l.occurred_at",
}
_NAMES_UNITS: Final = ("decision", "reward")
# Of one export at a time per experiment; sorting half a million records would else go by disk.
_SORT_MEMORY: Final = "set local work_mem = '192MB'"


def copy_range(settings: Settings, wanted: ExportRange, kind: str) -> Iterator[bytes]:
    """Stream the records of a range as CSV without header, in the order of their ids.

    Unit ids are replaced by their pseudonyms here, so that they never leave the database.
    """
    place = (wanted.experiment, wanted.from_xid, wanted.to_xid)
    with transaction(settings, statement_seconds=EXPORT_SECONDS) as connection:
        keys = ""
        if kind in _NAMES_UNITS:
            _make_keys(connection, place, kind)
            keys = " left join allot.unit_key as k on l.unit = k.unit"
        connection.execute(_SORT_MEMORY)
        statement = (
            f"copy (select {_COLUMNS[kind]} from allot.{kind} as l"  # noqa: S608 - of KINDS
            f"{keys} where {IN_RANGE} order by {_ORDER[kind]}) to stdout (format csv)"
        )
        with connection.cursor() as cursor, cursor.copy(statement.encode(), place) as copy:
            for block in copy:
                yield bytes(block)


def _make_keys(connection: Connection, place: tuple[str, str, str], kind: str) -> None:
    connection.execute(_SORT_MEMORY)
    # In one order, so that two exports at once wait for each other and never in a circle.
    connection.execute(
        "insert into allot.unit_key (unit) select n.unit from ("  # noqa: S608 - of KINDS
        f"select distinct unit from allot.{kind} where {IN_RANGE} and unit is not null"
        ") as n where not exists (select from allot.unit_key as k where k.unit = n.unit)"
        ' order by n.unit collate "C" on conflict do nothing',
        place,
    )
    # Committed, so that nobody waits for keys while rows are read.
    connection.commit()
