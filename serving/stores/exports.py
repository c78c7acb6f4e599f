"""Streaming a query's rows out of PostgreSQL, however many there are."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, LiteralString

from include.errors import ReportsUnavailableError
from serving.answers import unavailable
from serving.stores.database import Database
from serving.stores.reports import Reader, begin

Rows = Sequence[tuple[Any, ...]]
FETCHED: Final = 500
# Beside the one that is being sent, so few wait in memory.
WAITING: Final = 2
STREAMS: Final = 2
FIRST_SECONDS: Final = 120.0
SLOW_SECONDS: Final = 30.0
CURSOR: Final = "export"
# Tables that grew since they were last counted look small, and a loop over all of one for every row
# of the other looks cheap.
_LARGE: Final = "set local enable_nestloop = off"


class Exports:
    """Streams from one snapshot by a cursor in the server; only a few streams at once.

    Parameters
    ----------
    url
        ``postgresql://…``
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._running: set[asyncio.Task[None]] = set()

    async def open(self, experiment: str, query: LiteralString) -> "Stream":
        """Start a stream, and return it when its first rows are there.

        Raises
        ------
        Problem
            404; 503 if PostgreSQL is away or too many streams are open.
        """
        if len(self._running) >= STREAMS:
            raise unavailable("other exports are under way; only a few run at once")
        stream = Stream(self._url, experiment, query)
        self._running.add(stream.task)
        stream.task.add_done_callback(self._running.discard)
        await stream.begin()
        return stream


class Stream:
    """One export: the column names, then rows as they come."""

    def __init__(self, url: str, experiment: str, query: LiteralString) -> None:
        self._database = Database(url)
        self._queue: asyncio.Queue[Rows | None] = asyncio.Queue(WAITING)
        self._started = asyncio.Event()
        self.columns: list[str] = []
        self.task = asyncio.create_task(self._produce(experiment, query))
        self.task.add_done_callback(_ended)

    async def begin(self) -> None:
        """Wait for the column names.

        Raises
        ------
        Problem
            404 or 503.
        """
        waiting = asyncio.create_task(self._started.wait())
        try:
            await asyncio.wait(
                {self.task, waiting}, timeout=FIRST_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not self._started.is_set() and self.task.done():
                self.task.result()
            if not self._started.is_set():
                raise unavailable("PostgreSQL does not answer in time")
        except ReportsUnavailableError as error:
            raise unavailable("PostgreSQL cannot be asked now") from error
        finally:
            waiting.cancel()
            if not self._started.is_set():
                self._database.abort()

    async def rows(self) -> AsyncIterator[Rows]:
        """Return what is fetched, some hundred rows at a time.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL went away meanwhile: what was sent is then not all.
        """
        while (fetched := await self._queue.get()) is not None:
            yield fetched
        await self.task

    def close(self) -> None:
        """End it wherever it is: a client that has gone must not keep the connection."""
        # Broken off, since nobody cancels the driver.
        self._database.abort()
        self._drain()

    async def _produce(self, experiment: str, query: LiteralString) -> None:
        try:
            async with self._database.transaction() as connection:
                await begin(connection, FIRST_SECONDS)
                await connection.execute(_LARGE)
                await Reader(connection).known(experiment)
                async with connection.cursor(name=CURSOR) as cursor:
                    await cursor.execute(query, {"experiment": experiment})
                    fetched = await cursor.fetchmany(FETCHED)
                    self.columns = [each.name for each in cursor.description or ()]
                    self._started.set()
                    while fetched:
                        await self._put(fetched)
                        fetched = await cursor.fetchmany(FETCHED)
            await self._put(None)
        finally:
            if sys.exception() is not None:
                self._drain()
                self._queue.put_nowait(None)
            await self._database.close()

    async def _put(self, fetched: Rows | None) -> None:
        # A client that takes nothing must not hold a place for ever.
        async with asyncio.timeout(SLOW_SECONDS):
            await self._queue.put(fetched)

    def _drain(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()


def _ended(task: "asyncio.Task[None]") -> None:
    # Asked for here, so that a failure nobody waits for is not a warning at the end.
    if not task.cancelled():
        task.exception()
