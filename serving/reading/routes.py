"""The documented read-only routes about experiments."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from include.contract.names import NAME_PATTERN
from serving.answers import JSON, NO_STORE, Answer
from serving.asking import Asking
from serving.examples import DECISION
from serving.keys.guard import caller_of, needs
from serving.problems import response_of
from serving.reading import examples, schemas, standing
from serving.reading.arms import arms, best_probabilities, cohorts
from serving.reading.cursor import MAX_LENGTH
from serving.reading.events import events
from serving.reading.export import EXPORTS, What
from serving.reading.history import history
from serving.reading.select import SelectRequest
from serving.reading.sheets import csv_lines
from serving.reading.summary import summary
from serving.reading.timeseries import timeseries
from serving.record_routes import BODY, SOME
from serving.routes import PROBLEMS, Documented, problem
from serving.schemas import DecisionAnswer, DecisionBatch
from serving.settings import ServingSettings
from serving.stores.exports import Exports, Stream
from serving.stores.reports import Reports

Slug = Annotated[str, Path(pattern=NAME_PATTERN)]
Cursor = Annotated[str | None, Query(max_length=MAX_LENGTH, description="of the page before")]
Limit = Annotated[int, Query(ge=1, le=1_000, description="most entries of a page")]


def reading_router(settings: ServingSettings) -> APIRouter:
    """Return what was published, observed and decided."""
    url = settings.database_url.get_secret_value()
    reports, exports = Reports(url, settings.serving_manage_seconds), Exports(url)
    router = APIRouter(
        prefix="/experiments/{experiment_id}", tags=["reports"], dependencies=[needs("read")]
    )
    _add_pages(router, reports)

    @router.get(
        "/summary",
        response_model=standing.Summary,
        summary="What is live, what was seen, which arm leads, what may be said",
        responses=_documented(examples.SUMMARY),
    )
    async def _summary(experiment_id: Slug) -> Response:
        return _told(await summary(reports, experiment_id))

    @router.get(
        "/p_best",
        response_model=standing.Best,
        summary="P(arm is best) behind the newest weights",
        responses=_documented(examples.BEST),
    )
    async def _p_best(experiment_id: Slug) -> Response:
        return _told(await best_probabilities(reports, experiment_id))

    @router.get(
        "/export",
        summary="Everything as CSV, streamed",
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **PROBLEMS},
    )
    async def _export(
        experiment_id: Slug,
        what: Annotated[What, Query(description="decisions come with their reward")] = "decisions",
    ) -> Response:
        stream = await exports.open(experiment_id, EXPORTS[what])
        name = f"{experiment_id}-{what}.csv"
        headers = {
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{name}"',
        }
        return StreamingResponse(
            _csv(stream), media_type="text/csv; charset=utf-8", headers=headers
        )

    return router


def _add_pages(router: APIRouter, reports: Reports) -> None:
    """Add the routes whose answers come in pages."""

    @router.get(
        "/history",
        response_model=schemas.History,
        summary="Every weights version with its reason, newest first",
        responses=_documented(examples.HISTORY),
    )
    async def _history(
        experiment_id: Slug,
        cursor: Cursor = None,
        limit: Limit = 20,
        position: Annotated[int | None, Query(ge=0, lt=100)] = None,
    ) -> Response:
        return _told(await history(reports, experiment_id, cursor, limit, position))

    @router.get(
        "/timeseries",
        response_model=schemas.Timeseries,
        summary="Shares, observations, rewards, P(best) and confidence sequences by batch",
        responses=_documented(examples.TIMESERIES),
    )
    async def _timeseries(
        experiment_id: Slug, cursor: Cursor = None, limit: Limit = 100
    ) -> Response:
        return _told(await timeseries(reports, experiment_id, cursor, limit))

    @router.get(
        "/arms",
        response_model=schemas.Arms,
        summary="Naive and corrected means of every arm",
        responses=_documented(examples.ARMS),
    )
    async def _arms(experiment_id: Slug, cursor: Cursor = None, limit: Limit = 500) -> Response:
        return _told(await arms(reports, experiment_id, cursor, limit))

    @router.get(
        "/cohorts",
        response_model=schemas.Cohorts,
        summary="The same by cohort",
        responses=_documented(examples.COHORTS),
    )
    async def _cohorts(experiment_id: Slug, cursor: Cursor = None, limit: Limit = 500) -> Response:
        return _told(await cohorts(reports, experiment_id, cursor, limit))

    @router.get(
        "/events",
        response_model=schemas.Events,
        summary="Revisions, states and versions as one stream: who, when, why",
        responses=_documented(examples.EVENTS),
    )
    async def _events(experiment_id: Slug, cursor: Cursor = None, limit: Limit = 100) -> Response:
        return _told(await events(reports, experiment_id, cursor, limit))


def select_router(asking: Asking) -> APIRouter:
    """Return `POST /select`."""
    router = APIRouter(tags=["serving"])

    @router.post(
        "/select",
        response_model=DecisionAnswer | DecisionBatch,
        summary="POST /decision under another name",
        responses={
            **_documented(DECISION),
            207: {"model": DecisionBatch, "description": SOME},
            410: problem("the experiment is archived"),
            **BODY,
        },
        dependencies=[needs("decide")],
    )
    async def _select(request: Request, body: SelectRequest) -> Response:
        caller_of(request).admit(("decide",), body.experiment_id)
        return response_of(await asking.answer(body))

    return router


def _documented(example: dict[str, Any]) -> Documented:
    return {200: {"content": {"application/json": {"example": example}}}, **PROBLEMS}


def _told(document: dict[str, Any]) -> Response:
    return response_of(Answer(200, orjson.dumps(document), JSON + NO_STORE))


async def _csv(stream: Stream) -> AsyncIterator[bytes]:
    try:
        yield csv_lines([stream.columns])
        async for rows in stream.rows():
            yield csv_lines(rows)
    finally:
        stream.close()
