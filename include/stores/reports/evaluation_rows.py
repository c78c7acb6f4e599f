"""Evaluation reports, read back for the runs and figures that show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from include.stores.reports.connection import Connection
from include.stores.reports.evaluation import TABLES, EvaluationHead

Rows = Sequence[Mapping[str, Any]]

_KEY = "experiment = %s and batch_id = %s and statistics_hash = %s"
# As reports list them; equal rows in an equal order give an equal run.
_ORDER = {
    "policy_value": "log, evaluation_policy, position, estimator, interval_method",
    "policy_diagnostics": "log, evaluation_policy, position, estimator",
    "regret": "log, policy, up_to_batch",
    "learning_point": "log, policy, up_to_batch",
    "self_grade": "log, evaluation_policy, estimator, interval_method",
}


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One evaluation with its rows, and the allocations and beliefs of the time.

    Attributes
    ----------
    tables
        Report table to its rows, without the evaluation's key.
    allocations
        Shares of every version up to the one judged, first slot, pooled cell.
    posteriors
        Beliefs behind the version judged, first slot, pooled cell.
    declaration
        The experiment's document in force for that version.
    """

    head: EvaluationHead
    tables: Mapping[str, Rows]
    allocations: Rows
    posteriors: Rows
    declaration: Mapping[str, Any]


def untracked(
    connection: Connection, experiment: str, *, everything: bool
) -> list[tuple[str, str]]:
    """Return (batch, statistics hash) of the evaluations to show: the newest, and those unshown.

    With ``everything`` all of them, so that runs that were lost are put back.
    """
    return [
        (batch_id, name)
        for batch_id, name in connection.execute(
            "select v.batch_id, v.statistics_hash from allot.evaluation as v"
            " left join allot.tracking_run as t on t.experiment = v.experiment"
            " and t.batch_id = v.batch_id and t.statistics_hash = v.statistics_hash"
            " and t.kind = 'evaluation'"
            " where v.experiment = %(experiment)s and (%(everything)s or t.run_id is null"
            " or (v.batch_id, v.evaluated_at) = (select e.batch_id, e.evaluated_at"
            " from allot.evaluation as e where e.experiment = %(experiment)s"
            " order by e.batch_id desc, e.evaluated_at desc limit 1))"
            " order by v.batch_id, v.evaluated_at",
            {"experiment": experiment, "everything": everything},
        )
    ]


def read_evaluation(
    connection: Connection, experiment: str, batch_id: str, statistics_hash: str
) -> StoredEvaluation:
    """Return one evaluation with its rows.

    Raises
    ------
    LookupError
        If there is no such evaluation.
    """
    key = (experiment, batch_id, statistics_hash)
    fields = ", ".join(EvaluationHead.__dataclass_fields__)
    found = _rows(connection, f"select {fields} from allot.evaluation where {_KEY}", key)  # noqa: S608
    if not found:
        raise LookupError(f"no evaluation of {experiment!r} for {batch_id} with {statistics_hash}")
    head = EvaluationHead(**found[0])
    tables = {
        table: _without_key(
            _rows(
                connection,
                f"select * from allot.{table} where {_KEY} order by {_ORDER[table]}",  # noqa: S608
                key,
            )
        )
        for table in TABLES
    }
    version = (experiment, head.weights_version)
    return StoredEvaluation(
        head=head,
        tables=tables,
        allocations=_rows(
            connection,
            "select a.version, w.batch_id, a.arm, a.arm_id, a.share from allot.allocation as a"
            " join allot.weights_snapshot as w using (experiment, version)"
            " where a.experiment = %s and a.version <= %s and a.slot = 0 and a.cell = '*'"
            " order by a.version, a.arm",
            version,
        ),
        posteriors=_rows(
            connection,
            "select arm_id, family, parameters, mean, sd from allot.posterior_snapshot"
            " where experiment = %s and version = %s and slot = 0 and cell = '*' order by arm",
            version,
        ),
        declaration=_rows(
            connection,
            "select r.document from allot.experiment_revision as r"
            " join allot.weights_snapshot as w using (experiment, revision)"
            " where w.experiment = %s and w.version = %s",
            version,
        )[0]["document"],
    )


def _rows(
    connection: Connection, query: str, parameters: tuple[object, ...]
) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def _without_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    key = ("experiment", "batch_id", "statistics_hash")
    return [{name: value for name, value in row.items() if name not in key} for row in rows]
