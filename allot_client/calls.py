"""Requests and answers: what is sent, what may be repeated, what an answer means."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import httpx
from tenacity import RetryCallState, retry_if_exception_type, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from allot_client.answers import Decision
from allot_client.errors import RefusedError, TryAgainError, UnavailableError

AGAIN: Final = frozenset({429, 500, 502, 503, 504})
# What a repeat may mend; every call of this client can be repeated without counting twice.
PASSING: Final = (httpx.TransportError, TryAgainError)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the client tries.

    Attributes
    ----------
    timeout
        Seconds for one attempt.
    deadline
        Seconds after which no further attempt begins.
    attempts
        Most attempts of one call.
    """

    timeout: float = 1.0
    deadline: float = 3.0
    attempts: int = 4

    def retrying(self) -> dict[str, Any]:
        """Return what tenacity is told, for both clients."""
        return {
            "stop": stop_after_attempt(self.attempts) | stop_before_delay(self.deadline),
            "wait": _pause,
            "retry": retry_if_exception_type(PASSING),
            "reraise": True,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return what httpx is told beside method and path."""
        return {"params": self.params} | ({} if self.body is None else {"json": self.body})


_backoff = wait_random_exponential(multiplier=0.05, max=1.0)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.seconds if isinstance(error, TryAgainError) else 0.0
    return max(_backoff(state), asked)


def connection(url: str, key: str | None, patience: Patience) -> dict[str, Any]:
    """Return what both of httpx's clients are told."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return {"base_url": url, "headers": headers, "timeout": patience.timeout}


def checked(response: httpx.Response, accepted: frozenset[int] = frozenset()) -> httpx.Response:
    """Return a good answer.

    Raises
    ------
    TryAgainError
        If a repeat may succeed.
    RefusedError
        If it would not.
    """
    if response.is_success or response.status_code in accepted:
        return response
    if response.status_code in AGAIN:
        seconds = response.headers.get("retry-after", "")
        raise TryAgainError(response.status_code, float(seconds) if seconds.isdigit() else 0.0)
    told = response.headers.get("content-type") == "application/problem+json"
    problem = response.json() if told else {}
    raise RefusedError(
        response.status_code,
        problem.get("type", "about:blank"),
        problem.get("detail", response.reason_phrase),
        problem.get("field"),
        problem.get("request_id"),
    )


def give_up(error: Exception) -> NoReturn:
    """Tell the application that the API is away.

    Raises
    ------
    UnavailableError
        Always.
    """
    told = str(error) or type(error).__name__
    raise UnavailableError(f"Allot is away ({told})") from error


def decision_call(body: Mapping[str, Any]) -> Call:
    """Return the request of a decision; members that were not given are left out."""
    return Call("POST", "/decision", {k: v for k, v in body.items() if v is not None})


def allocation_call(experiment: str) -> Call:
    """Return the request of an allocation."""
    return Call("GET", "/allocation", params={"experiment_id": experiment})


def creation_call(experiment: str, arms: list[str], strategy: str, more: Mapping[str, Any]) -> Call:
    """Return the request of an experiment."""
    body = {"experiment_id": experiment, "arm_ids": arms, "strategy": strategy, **more}
    return Call("POST", "/experiments", body)


def reward_call(
    value: float,
    decision: Decision | None,
    members: Mapping[str, object],
    occurred_at: datetime | None,
    reward_id: str | None,
) -> Call:
    """Return the request of a reward, which counts once however often it is sent."""
    body: dict[str, Any] = {k: v for k, v in members.items() if v is not None}
    if decision is not None:
        body |= {"experiment_id": decision.experiment_id, "decision_id": decision.decision_id}
    if occurred_at is None and "unit_id" in body:
        occurred_at = datetime.now(UTC)
    if occurred_at is not None:
        body["occurred_at"] = occurred_at.isoformat()
    if reward_id is None and "arm_id" in body:
        reward_id = str(uuid.uuid4())
    if reward_id is not None:
        body["reward_id"] = reward_id
    return Call("POST", "/reward", {**body, "reward": value})


def exposure_call(
    decision: Decision | None,
    addressed: Mapping[str, str | None],
    occurred_at: datetime | None,
) -> Call:
    """Return the request of an exposure; its time is said, so that repeats are one record."""
    body: dict[str, Any] = {k: v for k, v in addressed.items() if v is not None}
    if decision is not None:
        body |= {"experiment_id": decision.experiment_id, "decision_id": decision.decision_id}
    return Call(
        "POST", "/exposure", {**body, "occurred_at": (occurred_at or datetime.now(UTC)).isoformat()}
    )
