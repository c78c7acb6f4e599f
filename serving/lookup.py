"""Finding an experiment's weights: held, or by one bounded read-through."""

import asyncio
import time
from collections import OrderedDict

import structlog

from include.errors import DamagedSnapshotError, ReportsUnavailableError, StoreUnavailableError
from serving.answers import not_found, unavailable
from serving.follower import Follower
from serving.following import Following
from serving.registry import Live, Registry
from serving.snapshot import compile_snapshot
from serving.stores.newest import Newest

NEGATIVE_SECONDS = 1.0
NEGATIVE_LIMIT = 4_096
FLIGHTS_LIMIT = 32
log = structlog.get_logger("allot.serving")


class Lookup:
    """Answers from the registry; asks the store about a slug that this process never saw.

    What does not exist is remembered for a second, for a bounded number of slugs, and
    requests for one slug share one question, so that invented slugs cannot flood the store.
    What the store cannot give, PostgreSQL is asked for: those weights are answered as stale
    until the store confirms them.
    """

    def __init__(
        self, registry: Registry, follower: Follower, following: Following, newest: Newest
    ) -> None:
        self.registry = registry
        self._follower = follower
        self._following = following
        self._newest = newest
        self._absent: OrderedDict[str, float] = OrderedDict()
        self._flights: dict[str, asyncio.Task[None]] = {}

    async def find(self, experiment: str) -> Live:
        """Return what is live for an experiment.

        Raises
        ------
        Problem
            404 if it does not exist; 503 if that cannot be told now, or its weights cannot
            be read.
        """
        live = self.registry.get(experiment)
        if live is None:
            await self._read_through(experiment)
            live = self.registry.get(experiment)
        if live is None:
            if experiment in self.registry.known:
                raise unavailable(f"the weights of {experiment!r} cannot be read yet")
            raise not_found(experiment)
        return live

    async def _read_through(self, experiment: str) -> None:
        if self._absent.get(experiment, 0.0) > time.monotonic():
            return
        flight = self._flights.get(experiment)
        if flight is None:
            if len(self._flights) >= FLIGHTS_LIMIT:
                raise unavailable("too many unknown experiments are being looked up")
            flight = asyncio.create_task(self._ask(experiment))
            self._flights[experiment] = flight
            flight.add_done_callback(lambda _: self._flights.pop(experiment, None))
        try:
            # One caller that goes away must not cancel the question of the others.
            await asyncio.shield(flight)
        except StoreUnavailableError as error:
            raise unavailable(f"cannot tell whether {experiment!r} exists: {error}") from error

    async def _ask(self, experiment: str) -> None:
        failure: StoreUnavailableError | None = None
        try:
            await self._follower.follow([experiment])
        except StoreUnavailableError as error:
            failure = error
        if self.registry.get(experiment) is None and self._following.may_exist(experiment):
            await self._ask_postgresql(experiment)
        if self.registry.get(experiment) is None and failure is not None:
            raise failure
        self._absent[experiment] = time.monotonic() + NEGATIVE_SECONDS
        self._absent.move_to_end(experiment)
        while len(self._absent) > NEGATIVE_LIMIT:
            self._absent.popitem(last=False)

    async def _ask_postgresql(self, experiment: str) -> None:
        try:
            published = await self._newest.published(experiment)
        except (ReportsUnavailableError, DamagedSnapshotError) as error:
            log.warning("weights cannot be read", experiment=experiment, error=str(error))
            return
        if published is not None:
            self.registry.install(compile_snapshot(published), confirmed=False)
