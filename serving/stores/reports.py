"""Reading reports from PostgreSQL: one snapshot per call, a deadline, few at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, LiteralString, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from include.errors import ReportsUnavailableError
from serving.answers import not_found, unavailable
from serving.stores.database import Database, Parameters

Result = TypeVar("Result")
Row = dict[str, Any]
CALLS: Final = 8
_SNAPSHOT: Final = "set transaction isolation level repeatable read, read only"
_PATIENCE: Final = "select set_config('statement_timeout', %s, true)"
_KNOWN: Final = "select slug from allot.experiment where slug = %s"


class Reader:
    """Asks within one snapshot of the database."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    async def rows(self, query: LiteralString, parameters: Parameters) -> list[Row]:
        """Return all rows of a query, by column."""
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    async def known(self, experiment: str) -> None:
        """Make sure that there is such an experiment.

        Raises
        ------
        Problem
            404.
        """
        if not await self.rows(_KNOWN, (experiment,)):
            raise not_found(experiment)


class Reports:
    """Reads; every call has a deadline and a connection of its own, and few run at once.

    Parameters
    ----------
    url
        ``postgresql://…``
    seconds
        Deadline of one call.
    calls
        How many may run at once; more wait, within their deadline.
    """

    def __init__(self, url: str, seconds: float, calls: int = CALLS) -> None:
        self._url = url
        self._seconds = seconds
        self._free = asyncio.Semaphore(calls)
        self._running: set[asyncio.Task[Any]] = set()

    async def read(self, work: Callable[[Reader], Awaitable[Result]]) -> Result:
        """Run read-only work in one snapshot.

        Raises
        ------
        Problem
            503 if PostgreSQL is away, or does not answer in time.
        """
        database = Database(self._url)
        task = asyncio.create_task(self._run(database, work))
        self._running.add(task)
        task.add_done_callback(self._ended)
        # Left to its end at the deadline: the driver must not be cancelled.
        await asyncio.wait({task}, timeout=self._seconds)
        if not task.done():
            database.abort()
            raise unavailable("PostgreSQL does not answer in time")
        try:
            return task.result()
        except ReportsUnavailableError as error:
            raise unavailable("PostgreSQL cannot be asked now") from error

    async def _run(self, database: Database, work: Callable[[Reader], Awaitable[Result]]) -> Result:
        async with self._free:
            try:
                async with database.transaction() as connection:
                    await begin(connection, self._seconds)
                    return await work(Reader(connection))
            finally:
                await database.close()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        # Asked for here, so that a failure after the deadline is not a warning at the end.
        task.exception()


async def begin(connection: AsyncConnection[TupleRow], seconds: float) -> None:
    """Make a transaction read one snapshot, with a deadline per statement."""
    await connection.execute(_SNAPSHOT)
    await connection.execute(_PATIENCE, (str(int(seconds * 1000)),))
