"""Evaluation reports: one set of rows per evaluation, replaced as a whole, under its lock."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.stores.reports.connection import Connection
from include.stores.reports.migrate import SQL

# In the order in which they are written; every one is one file below sql/reports.
TABLES: Final = (
    "policy_value",
    "policy_diagnostics",
    "regret",
    "learning_point",
    "self_grade",
)

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class EvaluationHead:
    """What an evaluation read, and by which code; the first three name it.

    Attributes
    ----------
    experiment
        Slug.
    batch_id
        Newest batch that was read.
    statistics_hash
        Hash over the statistics of every log that was read.
    method
        Name and version of the evaluation.
    weights_version
        Newest weights version that was judged; ``None`` before the first.
    lake_version
        Version of the silver table.
    code_revision, dag_run
        Which code, and which run, computed it.
    """

    experiment: str
    batch_id: str
    statistics_hash: str
    method: str
    weights_version: int | None
    lake_version: int
    code_revision: str
    dag_run: str


def replace_evaluation(
    connection: Connection, head: EvaluationHead, tables: Mapping[str, Sequence[Row]]
) -> dict[str, int]:
    """Put an evaluation's rows in the place of those it had, in the caller's transaction.

    Two at once end as one: the second waits for the first, then writes the same rows.

    Parameters
    ----------
    connection
        Commits are the caller's.
    head
        Names the evaluation.
    tables
        Rows of every table of `TABLES`, without the evaluation's key.

    Returns
    -------
    dict
        Rows written per table.

    Raises
    ------
    KeyError
        If a table is missing: an empty one is said by an empty list.
    """
    key = (head.experiment, head.batch_id, head.statistics_hash)
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 0))",
        ("allot.evaluation/" + "/".join(key),),
    )
    connection.execute(_statement("evaluation"), asdict(head))
    written: dict[str, int] = {}
    for table in TABLES:
        rows = [dict(row) for row in tables[table]]
        connection.execute(_statement(table), {**asdict(head), "rows": Jsonb(rows)})
        written[table] = len(rows)
    return written


def point_to_run(connection: Connection, key: Mapping[str, str], *, run_id: str, url: str) -> None:
    """Write down where MLflow shows a report; the key is that of the tracked run."""
    connection.execute(_statement("tracking_run"), {**key, "run_id": run_id, "url": url})


def _statement(table: str) -> bytes:
    return (SQL / "reports" / f"{table}.sql").read_bytes()
