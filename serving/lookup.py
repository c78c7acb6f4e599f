"""Finding an experiment's weights: held, or by one bounded read-through."""

import asyncio
import time
from collections import OrderedDict

from include.errors import StoreUnavailableError
from serving.answers import not_found, unavailable
from serving.follower import Follower
from serving.registry import Live, Registry

NEGATIVE_SECONDS = 1.0
NEGATIVE_LIMIT = 4_096
FLIGHTS_LIMIT = 32


class Lookup:
    """Answers from the registry; asks the store about a slug that this process never saw.

    What does not exist is remembered for a second, for a bounded number of slugs, and
    requests for one slug share one question, so that invented slugs cannot flood the store.
    """

    def __init__(self, registry: Registry, follower: Follower) -> None:
        self._registry = registry
        self._follower = follower
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
        live = self._registry.get(experiment)
        if live is None:
            await self._read_through(experiment)
            live = self._registry.get(experiment)
        if live is None:
            if experiment in self._registry.known:
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
        await self._follower.follow([experiment])
        self._absent[experiment] = time.monotonic() + NEGATIVE_SECONDS
        self._absent.move_to_end(experiment)
        while len(self._absent) > NEGATIVE_LIMIT:
            self._absent.popitem(last=False)
