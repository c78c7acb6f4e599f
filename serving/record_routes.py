"""The documented routes that take records: decisions with a body, and rewards."""

from fastapi import APIRouter, Request, Response

from serving import examples
from serving.asking import Asking
from serving.event_requests import EventsRequest
from serving.exposure_requests import ExposureRequest
from serving.exposures import Exposures
from serving.keys.guard import caller_of, needs
from serving.problems import response_of
from serving.requests import DecisionRequest, RewardRequest
from serving.rewards import Rewards
from serving.routes import PROBLEMS, Documented, problem
from serving.schemas import (
    DecisionAnswer,
    DecisionBatch,
    EventsAnswer,
    ExposureAnswer,
    ExposureBatch,
    RewardAnswer,
    RewardBatch,
)
from serving.totals import Events

SOME = "some records were refused, and say why; the others were taken"
BODY: Documented = {
    400: problem("the body is not JSON in UTF-8"),
    413: problem("the body is too large"),
    **PROBLEMS,
}


def record_router(
    asking: Asking, rewards: Rewards, exposures: Exposures, events: Events
) -> APIRouter:
    """Return `POST /decision`, `POST /reward`, `POST /exposure` and `POST /events`."""
    router = APIRouter(tags=["serving"])

    @router.post(
        "/decision",
        response_model=DecisionAnswer | DecisionBatch,
        summary="Which arm for this unit, or each of these? Repeatable",
        responses={
            200: {"content": {"application/json": {"example": examples.DECISION}}},
            207: {"model": DecisionBatch, "description": SOME},
            410: problem("the experiment is archived"),
            **BODY,
        },
        dependencies=[needs("decide")],
    )
    async def _decision(request: Request, body: DecisionRequest) -> Response:
        caller_of(request).admit(("decide",), body.experiment_id)
        return response_of(await asking.answer(body))

    @router.post(
        "/reward",
        response_model=RewardAnswer | RewardBatch,
        summary="What was observed after a decision",
        responses={
            200: {"content": {"application/json": {"example": examples.REWARD}}},
            207: {"model": RewardBatch, "description": SOME},
            **BODY,
        },
        dependencies=[needs("reward")],
    )
    async def _reward(request: Request, body: RewardRequest) -> Response:
        caller_of(request).admit(("reward",), body.experiment_id)
        return response_of(await rewards.answer(body))

    @router.post(
        "/exposure",
        response_model=ExposureAnswer | ExposureBatch,
        summary="That a decision was shown; where that is declared, no other one counts",
        responses={
            200: {"content": {"application/json": {"example": examples.EXPOSURE}}},
            207: {"model": ExposureBatch, "description": SOME},
            **BODY,
        },
        dependencies=[needs("reward")],
    )
    async def _exposure(request: Request, body: ExposureRequest) -> Response:
        caller_of(request).admit(("reward",), body.experiment_id)
        return response_of(await exposures.answer(body))

    @router.post(
        "/events",
        response_model=EventsAnswer,
        summary="Totals per arm and day, of clients that count for themselves",
        responses={
            200: {"content": {"application/json": {"example": examples.EVENTS}}},
            **BODY,
        },
        dependencies=[needs("reward")],
    )
    async def _events(request: Request, body: EventsRequest) -> Response:
        return response_of(await events.answer(body, caller_of(request)))

    return router
