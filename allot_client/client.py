"""The client for applications that wait."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import Retrying

from allot_client import calls
from allot_client.answers import Allocation, Decision, Exposure, Reward
from allot_client.calls import PASSING, Call, Patience
from allot_client.errors import RefusedError
from allot_client.memory import Memory


class Allot:
    """Asks Allot which arm, and tells it what came of it; usable from several threads.

    Parameters
    ----------
    url
        Address of the API, as ``http://127.0.0.1:8000``.
    key
        Key of the API, where it asks for one.
    defaults
        Arm by experiment to answer while the API is away and no allocation was seen yet.
    patience
        How long to try.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        defaults: Mapping[str, str] | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._memory = Memory(defaults or {})
        self._http = httpx.Client(**calls.connection(url, key, self._patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def decide(
        self,
        experiment: str,
        *,
        unit: str | None = None,
        context: Mapping[str, Any] | None = None,
        cell: str | None = None,
        request_id: str | None = None,
    ) -> Decision:
        """Return an arm, whatever happens to the API.

        Repeats keep the `request_id`, so that they cannot be counted twice. While the API is
        away, the answer is local and says so by ``fallback``.

        Raises
        ------
        RefusedError
            If the API refuses the request as such.
        UnavailableError
            If the API is away, no allocation was seen, and no default arm is declared.
        """
        name = request_id or str(uuid.uuid4())
        call = calls.decision_call(
            {
                "experiment_id": experiment,
                "unit_id": unit,
                "context": context,
                "cell": cell,
                "request_id": name,
            }
        )
        try:
            answer = self._send(call)
        except PASSING as error:
            return self._memory.decide(experiment, unit, cell, name, error)
        decision = Decision.from_json(answer.json(), name)
        if self._memory.is_behind(decision):
            self._look(experiment)
        return decision

    def reward(
        self,
        value: float,
        decision: Decision | None = None,
        *,
        experiment: str | None = None,
        decision_id: str | None = None,
        unit: str | None = None,
        arm: str | None = None,
        occurred_at: datetime | None = None,
        reward_id: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> Reward:
        """Tell what was observed: after a decision, or of a unit or an arm of an experiment.

        ``metrics`` are values of declared metrics, by name; an arm alone has none.

        Raises
        ------
        RefusedError
            If the API refuses it.
        UnavailableError
            If the API is away; the same call may be repeated later.
        """
        if decision is not None and decision.fallback:
            return Reward("not_logged", None)
        members = {
            "experiment_id": experiment, "decision_id": decision_id, "unit_id": unit, "arm_id": arm,
            "metrics": metrics,
        }  # fmt: skip
        call = calls.reward_call(value, decision, members, occurred_at, reward_id)
        told = self._surely(call).json()
        return Reward(told["outcome"], told["reward_id"])

    def exposure(
        self,
        decision: Decision | None = None,
        *,
        experiment: str | None = None,
        decision_id: str | None = None,
        occurred_at: datetime | None = None,
    ) -> Exposure:
        """Tell that a decision was shown; it counts once, however often that is told.

        Raises
        ------
        RefusedError
            If the API refuses it.
        UnavailableError
            If the API is away; the same call may be repeated later, with the time it was shown.
        """
        if decision is not None and decision.fallback:
            return Exposure("not_logged")
        addressed = {"experiment_id": experiment, "decision_id": decision_id}
        call = calls.exposure_call(decision, addressed, occurred_at)
        return Exposure(self._surely(call).json()["outcome"])

    def allocation(self, experiment: str) -> Allocation:
        """Return the live weights, and remember them for when the API is away.

        Raises
        ------
        RefusedError
            If there is no such experiment.
        UnavailableError
            If the API is away.
        """
        allocation = Allocation.from_json(self._surely(calls.allocation_call(experiment)).json())
        self._memory.keep(allocation)
        return allocation

    def create_experiment(
        self, experiment: str, arms: list[str], strategy: str = "thompson", **more: object
    ) -> bool:
        """Create an experiment; return whether it was new. One that exists stays as it is.

        Raises
        ------
        RefusedError
            If it cannot be declared so.
        UnavailableError
            If the API is away.
        """
        call = calls.creation_call(experiment, arms, strategy, more)
        return self._surely(call, frozenset({409})).status_code == 201

    def _send(self, call: Call, accepted: frozenset[int] = frozenset()) -> httpx.Response:
        def attempt() -> httpx.Response:
            response = self._http.request(call.method, call.path, **call.options())
            return calls.checked(response, accepted)

        return Retrying(**self._patience.retrying())(attempt)

    def _surely(self, call: Call, accepted: frozenset[int] = frozenset()) -> httpx.Response:
        try:
            return self._send(call, accepted)
        except PASSING as error:
            calls.give_up(error)

    def _look(self, experiment: str) -> None:
        """Remember the allocation behind a decision; the decision itself is there already."""
        call = calls.allocation_call(experiment)
        try:
            response = self._http.request(call.method, call.path, **call.options())
            self._memory.keep(Allocation.from_json(calls.checked(response).json()))
        except (*PASSING, RefusedError):
            # Looked for again after the next decision; a key may decide without reading.
            return
