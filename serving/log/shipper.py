"""Shipping what was spooled, once the database is back; again and again until it is there."""

import asyncio

import structlog

from include.errors import ReportsUnavailableError
from serving.stores.sink import Sink
from serving.stores.spool import Spool

log = structlog.get_logger("allot.serving")


class Shipper:
    """Moves records from a spool into their table, each exactly once.

    Parameters
    ----------
    name
        What is shipped.
    sink
        Where to; a connection of its own, so that no client waits for a shipment.
    spool
        Where from.
    seconds
        Pause between two looks into the spool.
    """

    def __init__(self, name: str, sink: Sink, spool: Spool, seconds: float) -> None:
        self._name = name
        self._sink = sink
        self._spool = spool
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ship."""
        self._task = asyncio.create_task(self._keep_shipping(), name=f"ship {self._name}")

    async def stop(self) -> None:
        """End; what is not shipped stays in the spool for the next process."""
        if self._task is not None:
            self._task.cancel()
            # Cancelling alone would wait for a frozen server.
            self._sink.abort()
            await asyncio.wait({self._task}, timeout=2.0)
        await self._sink.close()

    def failure(self) -> str | None:
        """Return why shipping has ended, which it never should; ``None`` while it goes on."""
        return f"ended: ship {self._name}" if self._task and self._task.done() else None

    async def _keep_shipping(self) -> None:
        while True:
            try:
                while await self._ship():
                    pass
            except (ReportsUnavailableError, OSError) as error:
                log.warning("records wait in the spool", journal=self._name, error=str(error))
            await asyncio.sleep(self._seconds)

    async def _ship(self) -> int:
        files, lines = await asyncio.to_thread(self._spool.oldest)
        if not files:
            return 0
        refused = await self._sink.ship(lines)
        if refused:
            log.error("records are refused and kept aside", journal=self._name, count=len(refused))
        await asyncio.to_thread(self._spool.shipped, files, refused)
        log.info("records shipped", journal=self._name, count=len(lines) - len(refused))
        return len(files)
