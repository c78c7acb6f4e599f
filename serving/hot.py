"""The routes that are asked thousands of times a second, without a framework around them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.allocation import allocation
from serving.answers import JSON, NO_STORE, Answer
from serving.decide import cell_of, decide, render
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.query import experiment_of, parameters, unit_of
from serving.registry import Live, Registry

Scope = MutableMapping[str, Any]
HotRoute = Callable[[Scope], Awaitable[Answer]]

ALLOCATION = frozenset({"experiment_id"})
DECISION = frozenset({"experiment_id", "unit_id", "cell"})
DECISION_HEADERS = JSON + NO_STORE


class HotRoutes:
    """Answers of `GET /allocation` and `GET /decision` from the held weights.

    Parameters
    ----------
    registry
        The held weights.
    lookup
        Asked about an experiment that is not held.
    metrics
        Where decisions are counted.
    stale_seconds
        Unconfirmed for longer than this is said to be stale.
    max_age
        Seconds for which a client may reuse an allocation.
    """

    def __init__(
        self,
        registry: Registry,
        lookup: Lookup,
        metrics: Metrics,
        stale_seconds: float,
        max_age: int,
    ) -> None:
        self._registry = registry
        self._lookup = lookup
        self._metrics = metrics
        self._stale_seconds = stale_seconds
        self._max_age = max_age

    def routes(self) -> dict[tuple[str, str], HotRoute]:
        """Return the routes by method and path."""
        return {("GET", "/allocation"): self.allocation, ("GET", "/decision"): self.decision}

    async def allocation(self, scope: Scope) -> Answer:
        """Answer `GET /allocation`.

        Raises
        ------
        Problem
            422, 404 or 503.
        """
        live = await self._live(parameters(scope["query_string"], ALLOCATION))
        return allocation(
            live,
            stale=self._is_stale(live),
            max_age=self._max_age,
            if_none_match=header(scope, b"if-none-match"),
        )

    async def decision(self, scope: Scope) -> Answer:
        """Answer `GET /decision`.

        Raises
        ------
        Problem
            422, 404 or 503.
        """
        asked = parameters(scope["query_string"], DECISION)
        unit = unit_of(asked)
        live = await self._live(asked)
        snapshot = live.snapshot
        decision = decide(snapshot, unit, cell_of(snapshot, asked.get("cell")))
        self._metrics.decisions.count(snapshot, decision.draws[0].arm)
        return Answer(200, render(decision, stale=self._is_stale(live)), DECISION_HEADERS)

    async def _live(self, asked: dict[str, str]) -> Live:
        experiment = experiment_of(asked)
        return self._registry.get(experiment) or await self._lookup.find(experiment)

    def _is_stale(self, live: Live) -> bool:
        return live.unconfirmed_seconds() > self._stale_seconds


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return a request header; several of one name are joined as RFC 9110 says."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values) if values else None
