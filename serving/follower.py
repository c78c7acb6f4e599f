"""Following the store: restore from disk, then announcements and a poll, whole swaps only."""

import asyncio
from collections.abc import Iterable

import structlog

from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError, StoreUnavailableError
from serving.metrics import Metrics
from serving.registry import Outcome, Registry
from serving.snapshot import compile_snapshot
from serving.stores.disk import SnapshotFolder
from serving.stores.weights import WeightsReader

log = structlog.get_logger("allot.serving")


class Follower:
    """Keeps a registry equal to what the store names as live.

    Parameters
    ----------
    reader
        The store.
    registry
        What is answered from.
    folder
        Where the last known good weights survive a restart; ``None``: nowhere.
    metrics
        Where refusals are counted.
    poll_seconds
        How often to ask, since an announcement may be lost.
    """

    def __init__(
        self,
        reader: WeightsReader,
        registry: Registry,
        folder: SnapshotFolder | None,
        metrics: Metrics,
        poll_seconds: float,
    ) -> None:
        self._reader = reader
        self._registry = registry
        self._folder = folder
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._told: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.synced = False

    async def start(self) -> None:
        """Restore what the disk keeps, ask the store once, then follow it in the background."""
        if self._folder is not None:
            await asyncio.to_thread(self._restore, self._folder)
        await self._poll()
        self._tasks = [
            asyncio.create_task(self._keep_polling(), name="poll"),
            asyncio.create_task(self._keep_listening(), name="listen"),
        ]

    async def stop(self) -> None:
        """Stop following."""
        running = set(self._tasks)
        # A cancellation can be lost when it meets a timeout inside the store's driver.
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.2)

    def failure(self) -> str | None:
        """Return why following has ended, which it never should; ``None`` while it runs."""
        ended = [task.get_name() for task in self._tasks if task.done()]
        return f"ended: {', '.join(ended)}" if ended else None

    async def sync(self) -> None:
        """Bring every experiment up to what the store names.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer in time; nothing is lost by that.
        """
        known = await self._reader.known()
        self._registry.known = known
        await self.follow(known | {live.snapshot.experiment for live in self._registry})
        self.synced = True

    async def follow(self, experiments: Iterable[str]) -> None:
        """Bring some experiments up to what the store names.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer in time.
        """
        heads = await self._reader.heads(experiments)
        self._registry.known |= heads.keys()
        wanted = [
            pointer
            for slug, raw in heads.items()
            if (pointer := self._pointer(slug, raw)) is not None and self._is_news(pointer)
        ]
        for pointer, value in zip(wanted, await self._reader.values(wanted), strict=True):
            await self._install(pointer, value)

    def _pointer(self, experiment: str, raw: bytes) -> Pointer | None:
        try:
            return Pointer.from_head(experiment, raw)
        except DamagedSnapshotError as error:
            self._refuse(experiment, "damaged", str(error))
            return None

    def _is_news(self, pointer: Pointer) -> bool:
        live = self._registry.get(pointer.experiment)
        if live is None or pointer.version > live.snapshot.version:
            return True
        if pointer.version < live.snapshot.version:
            self._refuse(pointer.experiment, Outcome.OLDER, f"the store names v{pointer.version}")
        elif pointer.content_hash != live.snapshot.content_hash:
            self._refuse(pointer.experiment, Outcome.CONFLICT, f"v{pointer.version} twice")
        else:
            self._registry.confirm(pointer.experiment)
        return False

    async def _install(self, pointer: Pointer, value: bytes | None) -> None:
        if value is None:
            self._refuse(pointer.experiment, "missing", f"v{pointer.version} has no value")
            return
        try:
            published = Published.from_value(pointer, value)
        except DamagedSnapshotError as error:
            self._refuse(pointer.experiment, "damaged", str(error))
            return
        if self._registry.install(compile_snapshot(published)) is not Outcome.INSTALLED:
            return
        self._metrics.installed.inc()
        self._told.pop(pointer.experiment, None)
        log.info("weights installed", experiment=pointer.experiment, version=pointer.version)
        if self._folder is not None:
            await self._keep(self._folder, published)

    async def _keep(self, folder: SnapshotFolder, published: Published) -> None:
        try:
            await asyncio.to_thread(folder.save, published)
        except OSError as error:
            log.warning("weights not kept on disk", error=str(error))

    def _restore(self, folder: SnapshotFolder) -> None:
        for kept in folder.load():
            if isinstance(kept, DamagedSnapshotError):
                self._refuse("(disk)", "damaged", str(kept))
            else:
                self._registry.install(compile_snapshot(kept), confirmed=False)

    def _refuse(self, experiment: str, reason: str, detail: str) -> None:
        self._metrics.refused.labels(reason).inc()
        # Told once, not at every poll.
        if self._told.get(experiment) != detail:
            self._told[experiment] = detail
            log.warning("weights refused", experiment=experiment, reason=reason, detail=detail)

    async def _poll(self) -> None:
        try:
            await self.sync()
            self._metrics.store_up.set(1)
        except StoreUnavailableError as error:
            self._failed(error)

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._poll()

    async def _keep_listening(self) -> None:
        while True:
            try:
                async for pointer in self._reader.announcements():
                    if pointer is not None:
                        await self.follow([pointer.experiment])
            except StoreUnavailableError as error:
                self._failed(error)
                await asyncio.sleep(self._poll_seconds)

    def _failed(self, error: StoreUnavailableError) -> None:
        self._metrics.store_failures.inc()
        self._metrics.store_up.set(0)
        log.warning("store does not answer", error=str(error))
