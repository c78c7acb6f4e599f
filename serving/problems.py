"""Turning whatever goes wrong behind the edge into problem answers (RFC 9457)."""

from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serving.answers import Answer, Problem
from serving.records import TAG, printable


def response_of(answer: Answer) -> Response:
    """Return an answer as the framework's response."""
    response = Response(answer.body, answer.status)
    for name, value in answer.headers:
        response.raw_headers.append((name, value))
    return response


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(500, _internal)


def _respond(request: Request, problem: Problem) -> Response:
    request_id = getattr(request.state, "request_id", "")
    return response_of(problem.answer(request_id))


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return _respond(request, error)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    kind = {404: "no-such-route", 405: "method-not-allowed", 413: "body-too-large"}
    problem = Problem(error.status_code, kind.get(error.status_code, "refused"), error.detail)
    response = _respond(request, problem)
    response.headers.update(error.headers or {})
    return response


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    if isinstance(error.body, bytes):
        # A body that says nothing of its kind could come from any page in a browser.
        told = "the body is not read as JSON; send the header content-type: application/json"
        return _respond(request, Problem(422, "invalid-parameter", told, field="content-type"))
    # The location starts with where it was found: query, path, body.
    field = _place(first["loc"]) or str(first["loc"][0])
    detail = "; ".join(f"{_place(part['loc'])}: {part['msg']}" for part in error.errors()[:20])
    # A member's name may hold what UTF-8 cannot.
    problem = Problem(422, "invalid-parameter", printable(detail), field=printable(field))
    return _respond(request, problem)


def _place(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location[1:] if not str(part).startswith(TAG))


async def _internal(request: Request, _: Exception) -> Response:
    detail = "the server failed; its log says why, by this request's id"
    return _respond(request, Problem(500, "internal-error", detail))
