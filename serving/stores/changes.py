"""Changing an experiment: one new revision or state, decided under its lock."""

from collections.abc import Callable
from typing import Any

from include.contract.lifecycle import State, transition_fault
from include.errors import ExperimentConflictError
from include.experiments.revision import refuse_fixed_changes
from include.experiments.schema import Experiment
from serving.answers import Problem, not_found
from serving.stores.experiments import Experiments
from serving.stores.holds import HoldRow, holds, release
from serving.stores.revisions import (
    Connection,
    Revision,
    StateRow,
    Submission,
    all_revisions,
    enter,
    has_decisions,
    insert_revision,
    lock,
    states,
)

# Takes the document in force and returns the declaration that is to follow.
Change = Callable[[dict[str, Any]], Experiment]


class Changes:
    """Writes revisions and states; each call is one transaction with a deadline.

    Parameters
    ----------
    experiments
        Where experiments are declared.
    """

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def revise(
        self, experiment: str, change: Change, submission: Submission, based_on: int | None = None
    ) -> Revision:
        """Put another declaration in force; one that changes nothing leaves things as they are.

        Parameters
        ----------
        experiment
            Slug.
        change
            Makes the declaration of the one in force.
        submission
            Who and why.
        based_on
            Number of the revision that the client saw; ``None``: whatever is in force.

        Raises
        ------
        Problem
            404, 409 if decisions fixed what would change or another revision is in force, 410
            if it is archived, 422 or 503.
        """

        async def work(connection: Connection) -> Revision:
            before = await _locked(connection, experiment)
            if based_on is not None and based_on != before.revision:
                raise _outdated(before, based_on)
            if before.state == "archived":
                raise _conflict("state-conflict", "it is archived: nothing changes any more")
            after = change(before.document)
            if after.revision_hash() == before.revision_hash:
                return before
            if await has_decisions(connection, experiment):
                _refuse_fixed(before, after)
            await insert_revision(connection, after, before.revision + 1, submission)
            return (await all_revisions(connection, experiment))[-1]

        return await self._experiments.call(work)

    async def enter(self, experiment: str, state: State, submission: Submission) -> Revision:
        """Put an experiment in another state; the one it is in changes nothing.

        Raises
        ------
        Problem
            404, 409 if that state cannot follow, or 503.
        """

        async def work(connection: Connection) -> Revision:
            before = await _locked(connection, experiment)
            if (fault := transition_fault(before.state, state)) is not None:
                raise _conflict("state-conflict", fault, "state")
            if before.state != state:
                await enter(connection, experiment, state, submission)
            return before._replace(state=state)

        return await self._experiments.call(work)

    async def release(self, experiment: str, submission: Submission) -> HoldRow:
        """Let an experiment's publishing go on, as the DAG `release_allocation` does.

        Raises
        ------
        Problem
            404 or 503.
        """

        async def work(connection: Connection) -> HoldRow:
            declared = Experiment.model_validate((await _known(connection, experiment)).document)
            return await release(connection, declared, submission)

        return await self._experiments.call(work)

    async def holds(self, experiment: str) -> list[HoldRow]:
        """Return every hold and release of an experiment, oldest first.

        Raises
        ------
        Problem
            404 or 503.
        """

        async def work(connection: Connection) -> list[HoldRow]:
            await _known(connection, experiment)
            return await holds(connection, experiment)

        return await self._experiments.call(work)

    async def states(self, experiment: str) -> list[StateRow]:
        """Return every state that was noted of an experiment, oldest first."""
        return await self._experiments.call(lambda connection: states(connection, experiment))


async def _locked(connection: Connection, experiment: str) -> Revision:
    await lock(connection, experiment)
    return await _known(connection, experiment)


async def _known(connection: Connection, experiment: str) -> Revision:
    found = await all_revisions(connection, experiment)
    if not found:
        raise not_found(experiment)
    return found[-1]


def _refuse_fixed(before: Revision, after: Experiment) -> None:
    try:
        refuse_fixed_changes(Experiment.model_validate(before.document), after)
    except ExperimentConflictError as error:
        raise _conflict("fixed-after-decisions", str(error)) from error


def _outdated(before: Revision, based_on: int) -> Problem:
    detail = f"revision {before.revision} is in force, not {based_on}; read it, then decide anew"
    return _conflict("revision-conflict", detail, "based_on")


def _conflict(kind: str, detail: str, field: str | None = None) -> Problem:
    return Problem(409, kind, detail, field=field)
