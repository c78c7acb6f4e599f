"""The documented routes: the hot ones for OpenAPI's sake, and health, readiness, metrics."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from serving import examples
from serving.follower import Follower
from serving.hot import Asked, HotRoutes
from serving.keys.guard import caller_of, needs
from serving.metrics import Metrics
from serving.problems import response_of
from serving.registry import Registry
from serving.schemas import (
    Allocation,
    Cell,
    DecisionAnswer,
    ExperimentId,
    Health,
    ProblemAnswer,
    Readiness,
    UnitId,
)

Documented = dict[int | str, dict[str, Any]]


def problem(description: str) -> dict[str, Any]:
    """Document a problem answer."""
    return {
        "description": description,
        "content": {
            "application/problem+json": {
                "schema": ProblemAnswer.model_json_schema(),
                "example": examples.PROBLEM,
            }
        },
    }


PROBLEMS: Documented = {
    401: problem("a key is required, and this is none that is in force"),
    403: problem("the key lacks the scope, or is restricted to other experiments"),
    429: problem("the key asks too often; wait `Retry-After` seconds"),
    404: problem("no such experiment"),
    421: problem("the Host header is not one of this server's"),
    422: problem("a parameter is missing, malformed, repeated or unknown"),
    503: problem("a part has to recover first; repeat after `Retry-After` seconds"),
}


def hot_router(hot: HotRoutes) -> APIRouter:
    """Return the hot routes as FastAPI documents them.

    The edge answers them first; here the same functions stand behind the same paths.
    """
    router = APIRouter(tags=["serving"])

    @router.get(
        "/allocation",
        response_model=Allocation,
        summary="Live weights of an experiment",
        responses={
            200: {"content": {"application/json": {"example": examples.ALLOCATION}}},
            304: {"description": "unchanged since the tag in `If-None-Match`"},
            **PROBLEMS,
        },
    )
    async def _allocation(request: Request, experiment_id: ExperimentId) -> Response:  # noqa: ARG001
        return response_of(await hot.answer("/allocation", _asked(request)))

    @router.get(
        "/decision",
        response_model=DecisionAnswer,
        summary="Which arm for this unit?",
        responses={
            200: {"content": {"application/json": {"example": examples.DECISION}}},
            410: problem("the experiment is archived"),
            **PROBLEMS,
        },
    )
    async def _decision(
        request: Request,
        experiment_id: ExperimentId,  # noqa: ARG001
        unit_id: UnitId = None,  # noqa: ARG001
        cell: Cell = None,  # noqa: ARG001
    ) -> Response:
        return response_of(await hot.answer("/decision", _asked(request)))

    return router


def _asked(request: Request) -> Asked:
    tag = request.headers.get("if-none-match")
    if_none_match = tag.encode("latin-1") if tag else None
    return Asked(request.scope["query_string"], if_none_match, caller_of(request))


def system_router(
    registry: Registry,
    follower: Follower,
    failure: Callable[[], str | None],
    metrics: Metrics,
    stale_seconds: float,
) -> APIRouter:
    """Return the routes for those who run the API."""
    router = APIRouter(tags=["system"])

    @router.get("/health", summary="Does the process live?", responses={503: {"model": Health}})
    async def _health(response: Response) -> Health:
        ended = failure()
        response.status_code = 503 if ended else 200
        return Health(status=ended or "ok")

    @router.get(
        "/ready",
        summary="Can this replica answer for every experiment it knows?",
        responses={503: {"model": Readiness}},
    )
    async def _ready(response: Response) -> Readiness:
        readiness = judge(registry, follower, stale_seconds)
        response.status_code = 200 if readiness.reason is None else 503
        return readiness

    @router.get(
        "/metrics",
        summary="Prometheus metrics",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **{status: PROBLEMS[status] for status in (401, 403, 429)},
        },
        dependencies=[needs("read")],
    )
    async def _metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def judge(registry: Registry, follower: Follower, stale_seconds: float) -> Readiness:
    """Tell whether this replica can answer; a store that is down does not take that away."""
    missing = registry.missing()
    reason = follower.failure()
    if reason is None and missing:
        reason = "experiments are known whose weights cannot be read"
    if reason is None and not follower.synced and len(registry) == 0:
        reason = "the store has not answered yet, and nothing was kept on disk"
    return Readiness(
        status="ready" if reason is None else "not-ready",
        reason=reason,
        experiments=len(registry),
        stale=sum(live.unconfirmed_seconds() > stale_seconds for live in registry),
        missing=missing[:20],
    )
