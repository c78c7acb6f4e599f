"""The documented routes that change experiments."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response

from include.contract.lifecycle import State
from serving import examples
from serving.change_requests import (
    ArmsRequest,
    ConfigRequest,
    ExperimentPatch,
    Reason,
    ReleaseRequest,
    StateRequest,
)
from serving.changing import Changing
from serving.experiment_routes import Slug
from serving.keys.guard import caller_of, needs
from serving.problems import response_of
from serving.record_routes import BODY
from serving.routes import problem
from serving.schemas import ConfigAnswer, ExperimentAnswer, HoldAnswer, HoldList, StateList

CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": examples.EXPERIMENT}}},
    409: problem("the experiment cannot be changed so; the detail says why"),
    **BODY,
}
# Short names of the states that follow.
VERBS: dict[str, State] = {
    "start": "running",
    "pause": "paused",
    "resume": "running",
    "stop": "concluded",
    "archive": "archived",
}


def change_router(changing: Changing) -> APIRouter:
    """Return changing declarations, arms, strategies and states."""
    router = APIRouter(
        prefix="/experiments/{experiment_id}", tags=["experiments"], dependencies=[needs("manage")]
    )

    @router.patch(
        "",
        response_model=ExperimentAnswer,
        summary="Change what is declared: a new revision",
        responses=CHANGED,
    )
    async def _patch(request: Request, experiment_id: Slug, body: ExperimentPatch) -> Response:
        return response_of(await changing.patch(experiment_id, body, caller_of(request)))

    @router.post(
        "/arms",
        response_model=ExperimentAnswer,
        summary="Let arms join; they get traffic with the next version of the weights",
        responses=CHANGED,
    )
    async def _arms(request: Request, experiment_id: Slug, body: ArmsRequest) -> Response:
        return response_of(await changing.add_arms(experiment_id, body, caller_of(request)))

    @router.post(
        "/config",
        response_model=ConfigAnswer,
        summary="Swap the strategy; behind a gate, register a challenger",
        responses={**CHANGED, 200: {}},
    )
    async def _config(request: Request, experiment_id: Slug, body: ConfigRequest) -> Response:
        return response_of(await changing.configure(experiment_id, body, caller_of(request)))

    @router.post(
        "/state",
        response_model=ExperimentAnswer,
        summary="Put the experiment in another state",
        responses=CHANGED,
    )
    async def _state(request: Request, experiment_id: Slug, body: StateRequest) -> Response:
        caller = caller_of(request)
        return response_of(await changing.enter(experiment_id, body.state, body.reason, caller))

    @router.post(
        "/release",
        response_model=HoldAnswer,
        summary="Let publishing go on; every batch that is closed now is accepted as it is",
        responses={**BODY, 200: {"content": {"application/json": {"example": examples.HOLD}}}},
    )
    async def _release(request: Request, experiment_id: Slug, body: ReleaseRequest) -> Response:
        caller = caller_of(request)
        return response_of(await changing.release(experiment_id, body.reason, caller))

    for verb, state in VERBS.items():
        _add_verb(router, changing, verb, state)
    return router


def state_router(changing: Changing) -> APIRouter:
    """Return reading the histories of states, and of holds."""
    router = APIRouter(prefix="/experiments/{experiment_id}", tags=["experiments"])

    @router.get(
        "/states",
        response_model=StateList,
        summary="Every state, with who and why",
        responses=BODY,
        dependencies=[needs("read", "manage")],
    )
    async def _states(experiment_id: Slug) -> Response:
        return response_of(await changing.states(experiment_id))

    @router.get(
        "/holds",
        response_model=HoldList,
        summary="Every hold and release of publishing, with who and why",
        responses=BODY,
        dependencies=[needs("read", "manage")],
    )
    async def _holds(experiment_id: Slug) -> Response:
        return response_of(await changing.holds(experiment_id))

    return router


def _add_verb(router: APIRouter, changing: Changing, verb: str, state: State) -> None:
    @router.post(
        f"/{verb}",
        response_model=ExperimentAnswer,
        summary=f"The same as /state with {state!r}",
        responses=CHANGED,
        operation_id=f"{verb}_experiment",
    )
    async def _enter(
        request: Request, experiment_id: Slug, body: Annotated[Reason | None, Body()] = None
    ) -> Response:
        reason = "" if body is None else body.reason
        return response_of(await changing.enter(experiment_id, state, reason, caller_of(request)))
