"""The routes that are asked thousands of times a second, without a framework around them."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from serving.allocation import allocation
from serving.answers import Answer, Held
from serving.decide import Asked as Whom
from serving.decide import decide
from serving.decisions import Decisions
from serving.following import Following
from serving.keys.key import ANYONE, Caller, Scope
from serving.lookup import Lookup
from serving.query import experiment_of, parameters, unit_of
from serving.registry import Live

ALLOCATION = frozenset({"experiment_id"})
DECISION = frozenset({"experiment_id", "unit_id", "cell"})
# Who draws arms by the weights itself, decides.
READS: tuple[Scope, ...] = ("read", "decide")
DECIDES: tuple[Scope, ...] = ("decide",)


class Asked(NamedTuple):
    """What a hot route needs of a request.

    Attributes
    ----------
    query
        The query string as it came.
    if_none_match
        The header of that name.
    caller
        Who asks.
    """

    query: bytes
    if_none_match: bytes | None = None
    caller: Caller = ANYONE


HotRoute = Callable[[Asked], Answer | Held]


class NotHeldError(Exception):
    """The experiment is not held by this process; the store may know it."""

    def __init__(self, experiment: str) -> None:
        super().__init__(experiment)
        self.experiment = experiment


class HotRoutes:
    """Answers of `GET /allocation` and `GET /decision` from the held weights, without waiting.

    Parameters
    ----------
    lookup
        Has the held weights; asked about an experiment that is not held.
    following
        Knows the terms of experiments.
    decisions
        Where decisions become durable.
    stale_seconds
        Unconfirmed for longer than this is said to be stale.
    max_age
        Seconds for which a client may reuse an allocation.
    """

    def __init__(
        self,
        lookup: Lookup,
        following: Following,
        decisions: Decisions,
        stale_seconds: float,
        max_age: int,
    ) -> None:
        self._registry = lookup.registry
        self._lookup = lookup
        self._following = following
        self._decisions = decisions
        self._stale_seconds = stale_seconds
        self._max_age = max_age
        self.routes: dict[str, HotRoute] = {
            "/allocation": self.allocation,
            "/decision": self.decision,
        }

    async def answer(self, path: str, asked: Asked) -> Answer:
        """Answer a hot route's path, asking the store first where it has to be.

        Raises
        ------
        Problem
            403, 404, 410, 422 or 503.
        """
        route = self.routes[path]
        try:
            answer = route(asked)
        except NotHeldError as error:
            await self._lookup.find(error.experiment)
            answer = route(asked)
        if isinstance(answer, Answer):
            return answer
        # The record goes its way even if this client goes away.
        return answer.finish(await asyncio.shield(answer.written))

    def allocation(self, asked: Asked) -> Answer:
        """Answer `GET /allocation`.

        Raises
        ------
        NotHeldError
            If the store has to be asked.
        Problem
            403 or 422.
        """
        live = self._live(parameters(asked.query, ALLOCATION), asked.caller, READS)
        return allocation(
            live,
            state=self._following.get(live.snapshot.experiment).state,
            stale=self._is_stale(live),
            max_age=self._max_age,
            if_none_match=asked.if_none_match,
        )

    def decision(self, asked: Asked) -> Held:
        """Answer `GET /decision`, once its record is durable.

        Raises
        ------
        NotHeldError
            If the store has to be asked.
        Problem
            403, 410 or 422; 503 if too many records wait.
        """
        given = parameters(asked.query, DECISION)
        unit = unit_of(given)
        live = self._live(given, asked.caller, DECIDES)
        snapshot = live.snapshot
        terms = self._following.get(snapshot.experiment)
        decision = decide(snapshot, terms, Whom(unit, given.get("cell")))
        return self._decisions.hold(decision, stale=self._is_stale(live))

    def _live(self, given: dict[str, str], caller: Caller, scopes: tuple[Scope, ...]) -> Live:
        experiment = experiment_of(given)
        if caller is not ANYONE:
            caller.admit(scopes, experiment)
        live = self._registry.get(experiment)
        if live is None:
            raise NotHeldError(experiment)
        return live

    def _is_stale(self, live: Live) -> bool:
        return time.monotonic() - live.confirmed_at > self._stale_seconds
