"""Experiments in PostgreSQL, by the same rows as the pipeline writes; a test compares them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.contract.published import Published
from include.contract.weights import WeightsContent
from include.errors import ReportsUnavailableError
from include.experiments.revision import version_zero
from include.experiments.schema import Experiment
from serving.answers import Problem, unavailable
from serving.stores.database import REFUSED, Database
from serving.stores.revisions import (
    Connection,
    Revision,
    Submission,
    all_revisions,
    enter,
    in_force,
    insert_revision,
    lock,
)

Result = TypeVar("Result")

APPLIED: Final = ("policy", "prior", "memory", "limits", "assignment")


class Experiments:
    """Creates and reads experiments; every call has a deadline and a connection of its own.

    Parameters
    ----------
    url
        ``postgresql://…``
    seconds
        Deadline of one call.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._calls: set[asyncio.Task[Any]] = set()

    async def create(
        self, experiment: Experiment, submission: Submission, *, draft: bool = False
    ) -> Published | None:
        """Register a new experiment with its weights version 0.

        Returns
        -------
        Published or None
            Version 0; ``None`` if there is an experiment of this name already.

        Raises
        ------
        Problem
            422 if the database refuses it; 503 if that is not known in time: repeat the call.
        """

        async def work(connection: Connection) -> Published | None:
            published = await _create(connection, experiment, submission)
            if published is not None and draft:
                await enter(connection, experiment.slug, "draft", submission)
            return published

        return await self.call(work)

    async def in_force(self, after: str, limit: int) -> list[Revision]:
        """Return the newest revision of experiments, by name, after a name."""
        return await self.call(lambda connection: in_force(connection, after, limit))

    async def revisions(self, experiment: str) -> list[Revision]:
        """Return all revisions of an experiment, oldest first; none if there is no such one."""
        return await self.call(lambda connection: all_revisions(connection, experiment))

    async def call(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do some work in one transaction.

        Raises
        ------
        Problem
            422 if the database refuses it; 503 if that is not known in time: repeat the call.
        """
        database = Database(self._url)

        async def run() -> Result:
            try:
                async with database.transaction() as connection:
                    return await work(connection)
            finally:
                await database.close()

        task = asyncio.create_task(run())
        self._calls.add(task)
        task.add_done_callback(self._ended)
        # Left to its end at the deadline: the driver must not be cancelled.
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            database.abort()
            raise unavailable("PostgreSQL does not answer in time")
        try:
            return task.result()
        except REFUSED as error:
            told = error.diag.message_primary or "it"
            detail = f"the database refuses it: {told}"
            raise Problem(422, "invalid-experiment", detail, field="experiment") from error
        except ReportsUnavailableError as error:
            raise unavailable("PostgreSQL cannot be asked now") from error

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._calls.discard(task)
        # Asked for here, so that a failure after the deadline is not a warning at the end.
        task.exception()


async def _create(
    connection: Connection, experiment: Experiment, submission: Submission
) -> Published | None:
    slug, now = experiment.slug, datetime.now(UTC)
    await lock(connection, slug)
    made = await connection.execute(
        "insert into allot.experiment (slug, created_by) values (%s, %s) on conflict do nothing",
        (slug, submission.by),
    )
    if made.rowcount == 0:
        return None
    await insert_revision(connection, experiment, 1, submission)
    content = version_zero(experiment)
    provenance: dict[str, Json] = {
        "effective_from": now.isoformat(),
        "reason": "created",
        "version": 0,
    }
    await connection.execute(
        "insert into allot.weights_snapshot (experiment, version, parent, content_hash, content,"
        " revision, provenance) values (%s, 0, %s, %s, %s, 1, %s)",
        (slug, content.parent, content.hash(), content.canonical().decode(), Jsonb(provenance)),
    )
    await _explain(connection, experiment, content)
    return Published(content, content.hash(), provenance)


async def _explain(connection: Connection, experiment: Experiment, content: WeightsContent) -> None:
    document, shares = experiment.document(), experiment.default_shares
    source = "uniform over all arms" if shares is None else "the declared default_shares"
    await connection.execute(
        "insert into allot.allocation_event (experiment, version, reason, explanation, policy)"
        " values (%s, 0, 'created', %s, %s)",
        (
            content.experiment,
            f"Experiment created; version 0 is {source}.",
            Jsonb({name: document[name] for name in APPLIED}),
        ),
    )
    proposed = shares or dict.fromkeys(experiment.arms, 1 / len(experiment.arms))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "insert into allot.allocation (experiment, version, cell, slot, arm, arm_id, proposed,"
            " limits, buckets) values (%s, 0, %s, %s, %s, %s, %s, '[]', %s)",
            [
                (content.experiment, cell, slot, arm, name, proposed.get(name, 0.0), held)
                for cell, slots in content.cells.items()
                for slot in range(len(slots))
                for arm, (name, held) in enumerate(
                    zip(content.arms, content.buckets(cell, slot), strict=True)
                )
            ],
        )
