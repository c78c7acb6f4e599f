"""One group commit for all who wait; the spool takes over while the database is away."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from include.errors import ReportsUnavailableError
from serving.answers import Problem, unavailable
from serving.stores.sink import Fates, Row, Sink
from serving.stores.spool import Spool

# Small enough that several groups make up a crowd: one is committed while clients of another are
# answered and ask anew. In one group all would wait for the database, and then it for them.
GROUP = 64
# The disk is flushed once per file.
SPOOLED = 2_000
QUEUE = 50_000
_POLL = 0.002
log = structlog.get_logger("allot.serving")

Written = asyncio.Future[Row | None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the log waits.

    Attributes
    ----------
    deadline
        For the database to take a group, seconds, before the spool does.
    retry
        Before a database that failed is tried again, and between shipments.
    """

    deadline: float
    retry: float


class _Entry(NamedTuple):
    line: bytes
    written: Written


class _Group(NamedTuple):
    entries: list[_Entry]
    lines: list[bytes]
    insert: asyncio.Task[Fates] | None


_NONE = _Group([], [], None)


class Journal:
    """Takes records, and tells each writer when its record is durable.

    While one group is being committed the next one gathers, and it is on its way before the
    clients of the one before are told; a lone record waits for nobody.

    Parameters
    ----------
    name
        What is logged, for the log's own log.
    writer
        Takes groups whose clients wait.
    spool
        Takes them while the database is away; ``None``: then they are refused.
    patience
        How long to wait.
    """

    def __init__(self, name: str, writer: Sink, spool: Spool | None, patience: Patience) -> None:
        self._name = name
        self._writer = writer
        self._spool = spool
        self._patience = patience
        self._queue: list[_Entry] = []
        self._wake = asyncio.Event()
        self._stuck: asyncio.Task[Fates] | None = None
        self._retry_at = 0.0
        self._flushing: asyncio.Task[None] | None = None
        self.groups = self.spooled = self.failures = 0

    def start(self) -> None:
        """Begin to write."""
        self._flushing = asyncio.create_task(self._flush(), name=f"write {self._name}")

    async def stop(self) -> None:
        """Write what waits, then end; a database that does not answer is left to itself."""
        while self._wake.is_set() and self.failure() is None:
            await asyncio.sleep(_POLL)
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait({self._flushing})
        if self._stuck is not None:
            self._writer.abort()
            await asyncio.wait({self._stuck}, timeout=1.0)
        await self._writer.close()

    def failure(self) -> str | None:
        """Return why writing has ended, which it never should; ``None`` while it goes on."""
        ended = self._flushing is not None and self._flushing.done()
        return f"ended: write {self._name}" if ended else None

    @property
    def away(self) -> bool:
        """Whether the database took the last group neither in time nor at all."""
        return self._stuck is not None or time.monotonic() < self._retry_at

    def write(self, line: bytes) -> Written:
        """Take a record.

        Parameters
        ----------
        line
            A JSON object without line breaks.

        Returns
        -------
        Future
            Done when the record is durable: ``None``, or the row by which the client is to be
            answered instead. Its exception is a `Problem`.

        Raises
        ------
        Problem
            503 if too many records wait.
        """
        if len(self._queue) >= QUEUE or self.failure() is not None:
            raise unavailable("too many records wait to be written")
        written: Written = asyncio.get_running_loop().create_future()
        self._queue.append(_Entry(line, written))
        self._wake.set()
        return written

    async def _flush(self) -> None:
        group = following = _NONE
        try:
            while True:
                await self._wake.wait()
                # Whatever can be read in this turn of the loop joins the group.
                await asyncio.sleep(0)
                group = self._begin()
                while group.entries:
                    fates = await self._fates(group)
                    # On its way before anybody is told: the database works while we answer.
                    following = self._begin()
                    await self._settle(group, fates)
                    group, following = following, _NONE
                if not self._queue:
                    self._wake.clear()
        finally:
            # Only at the end, and then nobody waits any more, unless writing itself failed.
            left = [*group.entries, *following.entries, *self._queue]
            _fail(left, unavailable("the log has ended"))

    def _begin(self) -> _Group:
        away = self.away
        most = SPOOLED if away else GROUP
        entries, self._queue = self._queue[:most], self._queue[most:]
        if not entries:
            return _NONE
        lines = [entry.line for entry in entries]
        insert = None if away else asyncio.create_task(self._writer.insert(lines))
        return _Group(entries, lines, insert)

    async def _fates(self, group: _Group) -> Fates | None:
        """Return what became of the records, or ``None`` if that is not known in time."""
        insert = group.insert
        if insert is None:
            return None
        # Not cancelled at the deadline: the driver would wait for the server to agree.
        await asyncio.wait({insert}, timeout=self._patience.deadline)
        if insert.done():
            return self._outcome(insert)
        self._stuck = insert
        insert.add_done_callback(self._thawed)
        log.warning("the database does not answer in time", journal=self._name)
        return None

    async def _settle(self, group: _Group, fates: Fates | None) -> None:
        if fates is None:
            await self._to_spool(group.entries, group.lines)
        else:
            self.groups += 1
            _tell(group.entries, fates)

    def _thawed(self, insert: "asyncio.Task[Fates]") -> None:
        self._stuck = None
        self._outcome(insert)

    def _outcome(self, insert: "asyncio.Task[Fates]") -> Fates | None:
        try:
            return insert.result()
        except ReportsUnavailableError as error:
            self.failures += 1
            self._retry_at = time.monotonic() + self._patience.retry
            log.warning("the database does not take records", journal=self._name, error=str(error))
            return None

    async def _to_spool(self, group: list[_Entry], lines: Sequence[bytes]) -> None:
        if self._spool is None:
            _fail(group, unavailable("the database is away, and no spool is set"))
            return
        try:
            await asyncio.to_thread(self._spool.write, lines)
        except OSError:
            log.exception("neither database nor spool takes records")
            _fail(group, unavailable("neither the database nor the disk takes records now"))
            return
        self.spooled += len(group)
        _tell(group, {})


def _tell(group: list[_Entry], fates: Fates) -> None:
    for place, entry in enumerate(group):
        if entry.written.done():
            # Its client went away; the record stands.
            continue
        fate = fates.get(place) if fates else None
        if isinstance(fate, Problem):
            entry.written.set_exception(fate)
        else:
            entry.written.set_result(fate)


def _fail(group: list[_Entry], problem: Problem) -> None:
    for entry in group:
        if not entry.written.done():
            entry.written.set_exception(problem)
