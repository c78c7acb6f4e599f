"""Following what PostgreSQL says of experiments and keys, so that answers need not ask it."""

import asyncio
from pathlib import Path

import structlog

from include.contract.canonical import canonical_json
from include.errors import ReportsUnavailableError
from serving.keys.directory import Directory
from serving.stores.disk import keep, kept
from serving.stores.terms import BEGINNING, Declarations, Told
from serving.terms import UNTOLD, Terms, terms_of

FILE = "terms.json"
log = structlog.get_logger("allot.serving")


class Following:
    """Holds the terms of every experiment, and loads the keys that are in force.

    Parameters
    ----------
    declarations
        Where they are read.
    directory
        Takes the keys.
    folder
        Keeps what is out of the ordinary over a restart; ``None``: nothing is kept.
    poll_seconds
        How often to ask.
    seconds
        How long a caller waits for news.
    """

    def __init__(
        self,
        declarations: Declarations,
        directory: Directory,
        folder: Path | None,
        poll_seconds: float,
        seconds: float,
    ) -> None:
        self._declarations = declarations
        self.directory = directory
        self._file = None if folder is None else folder / FILE
        self._poll_seconds = poll_seconds
        self._seconds = seconds
        self._terms: dict[str, Terms] = {}
        self._unusual: dict[str, Told] = {}
        self._horizon = BEGINNING
        self._asking: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self.synced = False

    def get(self, experiment: str) -> Terms:
        """Return the terms of an experiment; those of a plain one where none were told."""
        return self._terms.get(experiment, UNTOLD)

    def may_exist(self, experiment: str) -> bool:
        """Tell whether PostgreSQL may know an experiment, as far as it was asked."""
        return not self.synced or experiment in self._terms

    async def start(self) -> None:
        """Restore what the disk keeps, ask once, then go on in the background."""
        if self._file is not None:
            for row in kept(self._file):
                self._take(Told(*row))
        await self.refresh()
        self._polling = asyncio.create_task(self._keep_polling(), name="follow declarations")

    async def stop(self) -> None:
        """Stop; a database that does not answer is left to itself."""
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        self._declarations.abort()
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=1.0)
        await self._declarations.close()

    def failure(self) -> str | None:
        """Return why following has ended, which it never should; ``None`` while it runs."""
        ended = self._polling is not None and self._polling.done()
        return "ended: follow declarations" if ended else None

    async def refresh(self) -> None:
        """Ask now, and wait a while for the answer; it holds what was committed before."""
        if self._asking is not None:
            # Begun before whatever the caller wants to see.
            await asyncio.wait({self._asking}, timeout=self._seconds)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
            self._asking.add_done_callback(self._asked)
        # Left to its end at the deadline: the driver must not be cancelled.
        await asyncio.wait({self._asking}, timeout=self._seconds)

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.refresh()

    async def _ask(self) -> None:
        try:
            if self.directory.required:
                self.directory.load(await self._declarations.keys())
            horizon, told = await self._declarations.changed(self._horizon)
        except ReportsUnavailableError as error:
            # It may come back as another one, whose transactions count anew.
            self._horizon = BEGINNING
            log.warning("declarations cannot be read", error=str(error))
            return
        before = dict(self._unusual)
        for each in told:
            self._take(each)
        self._horizon, self.synced = horizon, True
        if self._file is not None and self._unusual != before:
            await self._save(self._file)

    def _asked(self, _: object) -> None:
        self._asking = None

    def _take(self, told: Told) -> None:
        terms = terms_of(told.state, told.document)
        self._terms[told.experiment] = terms
        if terms.draws and not terms.cells and not terms.covariates:
            self._unusual.pop(told.experiment, None)
        else:
            self._unusual[told.experiment] = told

    async def _save(self, file: Path) -> None:
        try:
            body = canonical_json([list(told) for told in self._unusual.values()])
            await asyncio.to_thread(keep, file, body)
        except OSError as error:
            log.warning("states not kept on disk", error=str(error))
