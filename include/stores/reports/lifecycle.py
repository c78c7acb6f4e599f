"""States of experiments in PostgreSQL: a history of rows, the newest in force."""

from typing import Final, cast

from include.contract.lifecycle import State, transition_fault
from include.errors import ExperimentError
from include.stores.reports.connection import Connection

_NEWEST: Final = (
    "select number, state from allot.experiment_state where experiment = %s"
    " order by number desc limit 1"
)


def state_of(connection: Connection, slug: str) -> State:
    """Return what an experiment is doing; without a row it has been running since it began."""
    row = connection.execute(_NEWEST, (slug,)).fetchone()
    return "running" if row is None else cast("State", row[1])


def change_state(
    connection: Connection, slug: str, state: State, *, changed_by: str, reason: str
) -> bool:
    """Append a state, under the experiment's lock of the caller.

    Returns
    -------
    bool
        Whether it changed; the same state again does not.

    Raises
    ------
    ExperimentError
        If the state cannot follow the one in force.
    """
    row = connection.execute(_NEWEST, (slug,)).fetchone()
    number, before = (0, "running") if row is None else (int(row[0]), cast("State", row[1]))
    if before == state:
        return False
    if fault := transition_fault(cast("State", before), state):
        raise ExperimentError(f"experiment {slug!r} cannot be {state}: {fault}")
    connection.execute(
        "insert into allot.experiment_state (experiment, number, state, changed_by, reason)"
        " values (%s, %s, %s, %s, %s)",
        (slug, number + 1, state, changed_by, reason),
    )
    return True
