"""The documented routes about experiments."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from include.contract.names import NAME_PATTERN
from serving import examples
from serving.declaration import ExperimentRequest
from serving.keys.guard import caller_of, needs
from serving.managing import Managing
from serving.problems import response_of
from serving.record_routes import BODY
from serving.routes import PROBLEMS, problem
from serving.schemas import ExperimentAnswer, ExperimentList, RevisionList

Slug = Annotated[str, Path(pattern=NAME_PATTERN)]
READS = [needs("read", "manage")]


def experiment_router(managing: Managing) -> APIRouter:
    """Return creating, listing and reading experiments."""
    router = APIRouter(prefix="/experiments", tags=["experiments"])

    @router.post(
        "",
        status_code=201,
        response_model=ExperimentAnswer,
        summary="Create an experiment, which answers decisions at once",
        responses={
            201: {"content": {"application/json": {"example": examples.EXPERIMENT}}},
            409: problem("there is an experiment of this name; it stays as it is"),
            **BODY,
        },
        dependencies=[needs("manage")],
    )
    async def _create(request: Request, body: ExperimentRequest) -> Response:
        return response_of(await managing.create(body, caller_of(request)))

    @router.get(
        "",
        response_model=ExperimentList,
        summary="Experiments by name",
        responses=PROBLEMS,
        dependencies=READS,
    )
    async def _list(
        request: Request,
        after: Annotated[str, Query(pattern=r"^[a-z0-9_-]{0,63}$")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> Response:
        return response_of(await managing.listed(after, limit, caller_of(request)))

    @router.get(
        "/{experiment_id}",
        response_model=ExperimentAnswer,
        summary="What is declared",
        responses=PROBLEMS,
        dependencies=READS,
    )
    async def _read(experiment_id: Slug) -> Response:
        return response_of(await managing.read(experiment_id))

    @router.get(
        "/{experiment_id}/revisions",
        response_model=RevisionList,
        summary="Every revision, with who and why",
        responses=PROBLEMS,
        dependencies=READS,
    )
    async def _revisions(experiment_id: Slug) -> Response:
        return response_of(await managing.revisions(experiment_id))

    return router
