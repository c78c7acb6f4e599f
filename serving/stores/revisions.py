"""Revisions and states of experiments as rows, in whoever's transaction."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from include.contract.canonical import canonical_json
from include.contract.lifecycle import State
from include.experiments.schema import Experiment

Connection = AsyncConnection[TupleRow]

_REVISIONS: Final = """
select
    experiment, revision, revision_hash, origin, submitted_by, reason, submitted_at, document,
    coalesce((
        select state.state from allot.experiment_state as state
        where state.experiment = experiment_revision.experiment order by number desc limit 1
    ), 'running'),
    (
        select
            jsonb_build_object(
                'state', gate.state, 'share', gate.share, 'verdict', gate.verdict,
                'explanation', gate.explanation
            )
        from allot.gate_decision as gate
        where
            gate.experiment = experiment_revision.experiment
            and gate.challenger = experiment_revision.document -> 'challenger'
            -- One that was taken back and registered anew begins anew.
            and gate.since > coalesce((
                select max(other.revision) from allot.experiment_revision as other
                where
                    other.experiment = experiment_revision.experiment
                    and other.revision < experiment_revision.revision
                    and (other.document -> 'policy', other.document -> 'challenger')
                    is distinct from (
                        experiment_revision.document -> 'policy',
                        experiment_revision.document -> 'challenger'
                    )
            ), 0)
        order by gate.number desc limit 1
    )
from allot.experiment_revision
"""
_NEWEST: Final = (
    _REVISIONS  # noqa: S608  # both parts are constants
    + """
where (experiment, revision) in (
    select experiment, max(revision) from allot.experiment_revision
    where experiment > %s group by experiment order by experiment limit %s
)
order by experiment
"""
)
_STATES: Final = """
select number, state, changed_by, reason, changed_at
from allot.experiment_state where experiment = %s order by number
"""
# Decisions fix what they mean; so do totals of decisions that were made elsewhere.
_HAS_DECISIONS: Final = """
select
    exists (select 1 from allot.arm_statistics where experiment = %(slug)s)
    or exists (select 1 from allot.decision where experiment = %(slug)s)
    or exists (select 1 from allot.daily_total where experiment = %(slug)s)
"""


class Revision(NamedTuple):
    """One immutable declaration, as stored."""

    experiment: str
    revision: int
    revision_hash: str
    origin: str
    submitted_by: str
    reason: str
    submitted_at: datetime
    document: dict[str, Any]
    state: State
    gate: dict[str, Any] | None


class StateRow(NamedTuple):
    """One state of an experiment, as stored."""

    number: int
    state: State
    changed_by: str
    reason: str
    changed_at: datetime


class Submission(NamedTuple):
    """Who changes something, and why."""

    by: str
    reason: str


async def lock(connection: Connection, experiment: str) -> None:
    """Wait until nobody else changes an experiment; held until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (experiment,))


async def insert_revision(
    connection: Connection, experiment: Experiment, number: int, submission: Submission
) -> None:
    """Insert a declaration under the next number; it is in force from then on."""
    await connection.execute(
        "insert into allot.experiment_revision (experiment, revision, revision_hash, canonical,"
        " origin, submitted_by, reason) values (%s, %s, %s, %s, 'api', %s, %s)",
        (
            experiment.slug,
            number,
            experiment.revision_hash(),
            canonical_json(experiment.document()).decode(),
            submission.by,
            submission.reason,
        ),
    )


async def enter(
    connection: Connection, experiment: str, state: State, submission: Submission
) -> None:
    """Note that an experiment is in another state from now on; its lock is held."""
    await connection.execute(
        "insert into allot.experiment_state (experiment, number, state, changed_by, reason)"
        " select %s, 1 + count(*), %s, %s, %s from allot.experiment_state where experiment = %s",
        (experiment, state, submission.by, submission.reason, experiment),
    )


async def in_force(connection: Connection, after: str, limit: int) -> list[Revision]:
    """Return the newest revision of experiments, by name, after a name."""
    rows = await connection.execute(_NEWEST, (after, limit))
    return [Revision(*row) for row in await rows.fetchall()]


async def all_revisions(connection: Connection, experiment: str) -> list[Revision]:
    """Return all revisions of an experiment, oldest first; none if there is no such one."""
    rows = await connection.execute(
        _REVISIONS + " where experiment = %s order by revision", (experiment,)
    )
    return [Revision(*row) for row in await rows.fetchall()]


async def states(connection: Connection, experiment: str) -> list[StateRow]:
    """Return every state that was noted of an experiment, oldest first."""
    rows = await connection.execute(_STATES, (experiment,))
    return [StateRow(*row) for row in await rows.fetchall()]


async def has_decisions(connection: Connection, experiment: str) -> bool:
    """Tell whether a decision of this experiment was logged or counted."""
    rows = await connection.execute(_HAS_DECISIONS, {"slug": experiment})
    return bool((await rows.fetchone() or (False,))[0])
