"""Judgement reports: one set of rows per judgement, replaced as a whole, under its lock."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.stores.reports.connection import Connection
from include.stores.reports.migrate import SQL

# Table to the order in which its rows are read back; every one is one file below sql/reports.
TABLES: Final = {
    "verdict": "position",
    "confidence_sequence": "position, family, arm, look",
    "exact_sequence": "position, family, method, arm, look",
    "readout": "position, basis, arm, against",
    "arm_belief": "position, cell, arm",
    "fixed_time_interval": "position, method, arm",
    "sample_ratio": "position, step",
    "metric_effect": "position, metric, arm",
}
# Tables with a row per look. A judgement reads all looks again, so that rows of all looks of all
# judgements would grow with the square of the batches.
_BY_LOOK: Final = {"confidence_sequence": "look", "exact_sequence": "look", "sample_ratio": "step"}
_KEY: Final = "experiment = %s and batch_id = %s and statistics_hash = %s"

Row = Mapping[str, Json]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class JudgementHead:
    """What a judgement read, and by which code; the first three name it.

    Attributes
    ----------
    experiment, batch_id, statistics_hash
        Slug, newest closed batch, and the hash over all that was read.
    method
        Name and version of the judgement.
    alpha
        Chance of a false winner over all looks and arms of one position.
    weights_version
        Newest weights version.
    code_revision, dag_run
        Which code, and which run, computed it.
    """

    experiment: str
    batch_id: str
    statistics_hash: str
    method: str
    alpha: float
    weights_version: int
    code_revision: str
    dag_run: str


@dataclass(frozen=True, slots=True)
class StoredJudgement:
    """One judgement with its rows, and the declaration in force for its weights version."""

    head: JudgementHead
    tables: Mapping[str, Rows]
    declaration: Mapping[str, Any]


def replace_judgement(
    connection: Connection, head: JudgementHead, tables: Mapping[str, Sequence[Row]]
) -> dict[str, int]:
    """Put a judgement's rows in the place of those it had, in the caller's transaction.

    Two at once end as one: the second waits for the first, then writes the same rows. Judgements
    that are not the newest keep their newest look alone.

    Returns
    -------
    dict
        Rows written per table.

    Raises
    ------
    KeyError
        If a table is missing: an empty one is said by an empty list.
    """
    _lock(connection, f"judgement/{head.experiment}")
    connection.execute(_statement("judgement"), asdict(head))
    for table in TABLES:
        rows = [dict(row) for row in tables[table]]
        connection.execute(_statement(table), {**asdict(head), "rows": Jsonb(rows)})
    for table, look in _BY_LOOK.items():
        _keep_newest_look(connection, head.experiment, table, look)
    return {table: len(tables[table]) for table in TABLES}


def _keep_newest_look(connection: Connection, experiment: str, table: str, look: str) -> None:
    """Delete the looks before the newest of every judgement but the newest."""
    connection.execute(
        f"delete from allot.{table} as t"  # noqa: S608
        f" using (select batch_id, statistics_hash, position, max({look}) as newest"
        f" from allot.{table} where experiment = %(experiment)s"
        " group by batch_id, statistics_hash, position) as kept"
        " where t.experiment = %(experiment)s and t.batch_id = kept.batch_id"
        " and t.statistics_hash = kept.statistics_hash and t.position = kept.position"
        f" and t.{look} < kept.newest"
        " and (t.batch_id, t.statistics_hash) not in (select j.batch_id, j.statistics_hash"
        " from allot.newest_judgement as j where j.experiment = %(experiment)s)".encode(),
        {"experiment": experiment},
    )


def read_judgement(
    connection: Connection, experiment: str, batch_id: str, statistics_hash: str
) -> StoredJudgement:
    """Return one judgement with its rows, in a fixed order.

    Raises
    ------
    LookupError
        If there is no such judgement.
    """
    key = (experiment, batch_id, statistics_hash)
    fields = ", ".join(JudgementHead.__dataclass_fields__)
    found = _rows(connection, f"select {fields} from allot.judgement where {_KEY}", key)  # noqa: S608
    if not found:
        raise LookupError(f"no judgement of {experiment!r} for {batch_id} with {statistics_hash}")
    head = JudgementHead(**found[0])
    tables = {
        table: _without_key(
            _rows(
                connection,
                f"select * from allot.{table} where {_KEY} order by {order}",  # noqa: S608
                key,
            )
        )
        for table, order in TABLES.items()
    }
    declared = _rows(
        connection,
        "select r.document from allot.experiment_revision as r"
        " join allot.weights_snapshot as w using (experiment, revision)"
        " where w.experiment = %s and w.version = %s",
        (experiment, head.weights_version),
    )
    return StoredJudgement(head, tables, declared[0]["document"])


def newest_judgement(connection: Connection, experiment: str) -> tuple[str, str] | None:
    """Return (batch, statistics hash) of an experiment's newest judgement, if it has one."""
    row = connection.execute(
        "select batch_id, statistics_hash from allot.judgement where experiment = %s"
        " order by batch_id desc, judged_at desc limit 1",
        (experiment,),
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def replace_portfolio(connection: Connection, rows: Sequence[Row]) -> None:
    """Put the entries of all experiments in the place of those there were."""
    connection.execute(_statement("portfolio_entry"), {"rows": Jsonb([dict(row) for row in rows])})


def portfolio_inputs(connection: Connection) -> list[dict[str, Any]]:
    """Lock the portfolio and return every experiment with its newest p-values, oldest first.

    A position that was never judged has none.
    """
    _lock(connection, "portfolio")
    return _rows(
        connection,
        "select e.slug as experiment, j.batch_id, j.statistics_hash,"
        " coalesce(v.p_values, array[]::float8[]) as p_values"
        " from allot.experiment as e"
        " left join lateral (select o.batch_id, o.statistics_hash from allot.judgement as o"
        " where o.experiment = e.slug order by o.batch_id desc, o.judged_at desc limit 1"
        ") as j on true"
        " left join lateral (select array_agg(d.p_value order by d.position) as p_values"
        " from allot.verdict as d where d.experiment = e.slug and d.batch_id = j.batch_id"
        " and d.statistics_hash = j.statistics_hash) as v on true"
        " order by e.created_at, e.slug",
        (),
    )


def _key(head: JudgementHead) -> tuple[str, str, str]:
    return head.experiment, head.batch_id, head.statistics_hash


def _lock(connection: Connection, name: str) -> None:
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"allot.judgement/{name}",)
    )


def _statement(table: str) -> bytes:
    return (SQL / "reports" / f"{table}.sql").read_bytes()


def _rows(
    connection: Connection, query: str, parameters: tuple[object, ...]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def _without_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = ("experiment", "batch_id", "statistics_hash")
    return [{name: value for name, value in row.items() if name not in key} for row in rows]
