"""The documented routes that answer *why?*."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from include.contract.names import NAME_PATTERN
from serving.experiment_routes import READS, Slug
from serving.explaining import Explaining
from serving.keys.guard import caller_of
from serving.problems import response_of
from serving.routes import PROBLEMS

MOST = 2**31 - 1


def explain_router(explaining: Explaining) -> APIRouter:
    """Return the explanations of decisions and versions."""
    router = APIRouter(tags=["explanations"])

    @router.get(
        "/decisions/{decision_id}/explain",
        response_model=dict[str, Any],
        summary="Why this arm? The draw, recomputed, and the version that it was drawn from",
        responses=PROBLEMS,
    )
    async def _decision(
        request: Request,
        decision_id: UUID,
        experiment_id: Annotated[str | None, Query(pattern=NAME_PATTERN)] = None,
    ) -> Response:
        caller = caller_of(request)
        return response_of(await explaining.decision(decision_id, experiment_id, caller))

    @router.get(
        "/experiments/{experiment_id}/versions/{version}/explain",
        response_model=dict[str, Any],
        summary="Why these shares? Declaration, sums, belief, limits, buckets",
        responses=PROBLEMS,
        dependencies=READS,
    )
    async def _version(
        experiment_id: Slug, version: Annotated[int, Path(ge=0, le=MOST)]
    ) -> Response:
        return response_of(await explaining.version(experiment_id, version))

    return router
