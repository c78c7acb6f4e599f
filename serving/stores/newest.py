"""The newest published weights from PostgreSQL, where the store has none to give."""

import asyncio

from include.contract.published import Published
from include.errors import ReportsUnavailableError
from serving.stores.database import Database
from serving.stores.terms import Declarations


class Newest:
    """Asks PostgreSQL for one experiment after the other, each within a deadline.

    Parameters
    ----------
    database
        A connection of its own.
    seconds
        Deadline of one question.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._declarations = Declarations(database)
        self._seconds = seconds
        self._turn = asyncio.Lock()

    async def published(self, experiment: str) -> Published | None:
        """Return the newest weights; ``None`` if there is no such experiment.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL does not answer in time.
        DamagedSnapshotError
            If what it holds is damaged.
        """
        task = asyncio.create_task(self._ask(experiment))
        # Left to its end at the deadline: the driver must not be cancelled.
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            task.add_done_callback(asyncio.Task.exception)
            raise ReportsUnavailableError("PostgreSQL does not answer in time")
        return task.result()

    async def close(self) -> None:
        """Close the connection."""
        self._declarations.abort()
        await self._declarations.close()

    async def _ask(self, experiment: str) -> Published | None:
        async with self._turn:
            return await self._declarations.newest(experiment)
