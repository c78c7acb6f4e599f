"""Rows of the views that one report shows, all of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row

from include.errors import UnknownExperimentError
from include.settings import Settings
from include.stores.reports.connection import Connection, connect
from include.tasks.report.sections import MOST_ROWS, SECTIONS, Section

Rows = Sequence[Mapping[str, Any]]

# A page of many figures over a busy database; far beyond what a view takes.
WAIT_SECONDS: Final = 60.0
_CURVES: Final = {
    "confidence_sequences": "method = 'asymptotic' order by position, family, arm_id, look",
    "allocation_history": "position = 0 and cell = '*' order by version, arm",
    "posterior_snapshots": "position = 0 and cell = '*' and version = (select max(version) from"
    " allot.posterior_snapshots where experiment = %(experiment)s) order by arm",
    "regret_curve": "policy = log order by log, up_to_batch",
    "learning_curve": "true order by policy, up_to_batch",
    "policy_values": "true order by log, evaluation_policy, estimator, interval_method",
    "arm_performance": "position = 0 order by corrected_mean desc, arm",
    "scoreboard": "true order by log, evaluation_policy, batch_id",
}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a section, and whether there are more of them."""

    section: Section
    rows: Rows
    cut: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that a page shows.

    Attributes
    ----------
    overview, status
        The experiment, and what it is doing.
    recommendation
        What it is told to do; ``None`` before its first verdict.
    tables
        One per section.
    curves
        Rows of a view for figures, by the view's name.
    """

    overview: Mapping[str, Any]
    status: Mapping[str, Any]
    recommendation: Mapping[str, Any] | None
    tables: Sequence[Table]
    curves: Mapping[str, Rows]


def read_contents(settings: Settings, slug: str) -> Contents:
    """Read a report's rows from the views.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    ReportsUnavailableError
        If PostgreSQL cannot be reached.
    """
    with connect(settings, statement_seconds=WAIT_SECONDS) as connection:
        # One snapshot: a batch that is published meanwhile is on no part of the page.
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        overview = _about(connection, "experiment_overview", slug)
        status = _about(connection, "experiment_status", slug)
        if not overview or not status:
            raise UnknownExperimentError(
                f"experiment {slug!r} is not registered; allot.experiment_overview lists all"
            )
        recommended = _about(connection, "recommendations", slug)
        tables = [_table(connection, section, slug) for section in SECTIONS]
        curves = {view: _curve(connection, view, rest, slug) for view, rest in _CURVES.items()}
    return Contents(overview[0], status[0], recommended[0] if recommended else None, tables, curves)


def _about(connection: Connection, view: str, slug: str) -> Rows:
    return _curve(connection, view, "true", slug)


def _curve(connection: Connection, view: str, rest: str, slug: str) -> Rows:
    statement = f"select * from allot.{view} where experiment = %(experiment)s and {rest}"  # noqa: S608
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), {"experiment": slug}).fetchall()


def _table(connection: Connection, section: Section, slug: str) -> Table:
    conditions: list[sql.Composable] = [sql.Identifier(name) for name in section.only]
    if section.asked == "experiment":
        conditions.append(sql.SQL("experiment = %(experiment)s"))
    if section.asked == "source":
        conditions.append(
            sql.SQL(
                "source = (select case document #>> '{{source,kind}}' when 'open_bandit'"
                " then 'open_bandit-' || (document #>> '{{source,campaign}}') else experiment end"
                " from allot.experiment_revision where experiment = %(experiment)s"
                " order by revision desc limit 1)"
            ).format()
        )
    statement = sql.SQL("select {} from allot.{} {} {} limit {}").format(
        sql.SQL(", ").join(map(sql.Identifier, section.columns)),
        sql.Identifier(section.view),
        sql.SQL("where ") + sql.SQL(" and ").join(conditions) if conditions else sql.SQL(""),
        _ordered(section),
        sql.Literal(MOST_ROWS + 1),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, {"experiment": slug}).fetchall()
    return Table(section, rows[:MOST_ROWS], cut=len(rows) > MOST_ROWS)


def _ordered(section: Section) -> sql.Composable:
    if not section.order:
        return sql.SQL("")
    by = [
        sql.SQL("{} desc nulls last").format(sql.Identifier(name[1:]))
        if name.startswith("-")
        else sql.Identifier(name)
        for name in section.order
    ]
    return sql.SQL("order by ") + sql.SQL(", ").join(by)
