"""The documented routes that take records: decisions with a body, and rewards."""

from fastapi import APIRouter, Response

from serving import examples
from serving.asking import Asking
from serving.problems import response_of
from serving.requests import DecisionRequest, RewardRequest
from serving.rewards import Rewards
from serving.routes import PROBLEMS, Documented, problem
from serving.schemas import DecisionAnswer, DecisionBatch, RewardAnswer, RewardBatch

BODY: Documented = {
    400: problem("the body is not JSON in UTF-8"),
    413: problem("the body is too large"),
    **PROBLEMS,
}


def record_router(asking: Asking, rewards: Rewards) -> APIRouter:
    """Return `POST /decision` and `POST /reward`."""
    router = APIRouter(tags=["serving"])

    @router.post(
        "/decision",
        response_model=DecisionAnswer | DecisionBatch,
        summary="Which arm for this unit, or each of these? Repeatable",
        responses={
            200: {"content": {"application/json": {"example": examples.DECISION}}},
            **BODY,
        },
    )
    async def _decision(body: DecisionRequest) -> Response:
        return response_of(await asking.answer(body))

    @router.post(
        "/reward",
        response_model=RewardAnswer | RewardBatch,
        summary="What was observed after a decision",
        responses={
            200: {"content": {"application/json": {"example": examples.REWARD}}},
            **BODY,
        },
    )
    async def _reward(body: RewardRequest) -> Response:
        return response_of(await rewards.answer(body))

    return router
