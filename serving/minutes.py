"""What the API counted of itself, into PostgreSQL minute by minute, while no client waits."""

import asyncio
import os
from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from include.errors import ReportsUnavailableError
from serving.metrics import BOUNDS, RequestTimes
from serving.stores.database import Database

SECONDS: Final = 60.0
# A day of minutes is kept while the database is away; then the oldest are dropped, and said.
KEPT: Final = 1_440
_INSERT: Final = """
insert into allot.serving_minute
(minute, route, process, requests, refused, errors, seconds, bounds, counts)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict do nothing
"""
log = structlog.get_logger("allot.serving")


class Summary(NamedTuple):
    """Requests of one route in one minute, as the table keeps them."""

    minute: datetime
    route: str
    process: str
    requests: int
    refused: int
    errors: int
    seconds: float
    bounds: list[float]
    counts: list[int]


class Minutes:
    """Writes what was counted since it last looked; every process under a name of its own.

    Nothing is added to a request: the counts are those of the metrics. A minute whose writing
    failed is written again under the same name, so that it is there once.

    Parameters
    ----------
    times
        Where requests are counted.
    database
        A connection of its own.
    every
        Seconds between two looks.
    """

    def __init__(self, times: RequestTimes, database: Database, every: float = SECONDS) -> None:
        self._times = times
        self._database = database
        self._every = every
        self._process = os.urandom(6).hex()
        self._before = times.totals()
        self._since = datetime.now(UTC)
        self._waiting: deque[list[Summary]] = deque()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._keep_writing(), name="write minutes")

    async def stop(self) -> None:
        """Write what was counted since, if the database takes it, then end."""
        if self._task is not None:
            self._task.cancel()
            self._database.abort()
            await asyncio.wait({self._task}, timeout=2.0)
        self.look()
        last = asyncio.create_task(self.write())
        await asyncio.wait({last}, timeout=2.0)
        if not last.done():
            self._database.abort()
            await asyncio.wait({last}, timeout=2.0)
        await self._database.close()

    def failure(self) -> str | None:
        """Return why writing has ended, which it never should; ``None`` while it goes on."""
        return "ended: write minutes" if self._task and self._task.done() else None

    def look(self) -> None:
        """Take what was counted since the last look."""
        now, totals = datetime.now(UTC), self._times.totals()
        found = summaries(self._since, self._process, self._before, totals)
        self._before, self._since = totals, now
        if found:
            self._waiting.append(found)
        if len(self._waiting) > KEPT:
            self._waiting.popleft()
            log.error("a minute of request counts is lost: the database was away for too long")

    async def write(self) -> None:
        """Write what waits, oldest first; what the database does not take goes on waiting."""
        try:
            while self._waiting:
                async with self._database.transaction() as connection:
                    for summary in self._waiting[0]:
                        await connection.execute(_INSERT, summary)
                self._waiting.popleft()
        except ReportsUnavailableError as error:
            log.warning("request counts wait", minutes=len(self._waiting), error=str(error))

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self.look()
            await self.write()


def summaries(
    since: datetime,
    process: str,
    before: dict[tuple[str, int], tuple[list[int], float]],
    after: dict[tuple[str, int], tuple[list[int], float]],
) -> list[Summary]:
    """Return what was added between two looks at the counts, a row per route."""
    none: tuple[list[int], float] = ([0] * (len(BOUNDS) + 1), 0.0)
    rows: dict[str, Summary] = {}
    for (route, status), (counts, seconds) in after.items():
        old, spent = before.get((route, status), none)
        new = [count - was for count, was in zip(counts, old, strict=True)]
        if not (number := sum(new)):
            continue
        row = rows.get(route) or Summary(
            since, route[:200], process, 0, 0, 0, 0.0, list(BOUNDS), none[0]
        )
        rows[route] = row._replace(
            requests=row.requests + number,
            refused=row.refused + (number if 400 <= status < 500 else 0),
            errors=row.errors + (number if status >= 500 else 0),
            seconds=row.seconds + max(seconds - spent, 0.0),
            counts=[one + other for one, other in zip(row.counts, new, strict=True)],
        )
    return list(rows.values())
