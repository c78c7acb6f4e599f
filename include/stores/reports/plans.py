"""The planner's word on every declaration: one immutable row per revision."""

from dataclasses import astuple, dataclass

from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """What was expected when a revision was declared.

    Attributes
    ----------
    maximum_days
        Longest duration that follows.
    power, power_error, median_days
        Simulated; ``None`` where nothing was planned.
    warning
        What to think about; empty where nothing is.
    """

    maximum_days: float
    power: float | None
    power_error: float | None
    median_days: float | None
    warning: str


def insert_plan(connection: Connection, experiment: str, revision: int, plan: StoredPlan) -> bool:
    """Write a plan unless its revision has one; tell whether it is ours."""
    row = connection.execute(
        "insert into allot.experiment_plan (experiment, revision, maximum_days, power,"
        " power_error, median_days, warning) values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict do nothing returning 1",
        (experiment, revision, *astuple(plan)),
    ).fetchone()
    return row is not None


def read_plan(connection: Connection, experiment: str) -> StoredPlan | None:
    """Return the plan of the newest revision that has one."""
    row = connection.execute(
        "select maximum_days, power, power_error, median_days, warning from allot.experiment_plan"
        " where experiment = %s order by revision desc limit 1",
        (experiment,),
    ).fetchone()
    return None if row is None else StoredPlan(*row)


def unplanned(connection: Connection) -> list[tuple[str, int]]:
    """Return experiment and revision of every declaration in force that was not planned yet."""
    rows = connection.execute(
        "select s.experiment, s.revision from allot.experiment_status as s"
        " where s.state in ('draft', 'running', 'paused') and not exists ("
        "select 1 from allot.experiment_plan as p"
        " where p.experiment = s.experiment and p.revision = s.revision) order by s.experiment"
    )
    return [(str(slug), int(revision)) for slug, revision in rows]
