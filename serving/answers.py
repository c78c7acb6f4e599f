"""Answers and problems (RFC 9457), as plain values that any route can return."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

Headers = tuple[tuple[bytes, bytes], ...]
JSON: Headers = ((b"content-type", b"application/json"),)
PROBLEM: Headers = ((b"content-type", b"application/problem+json"),)
NO_STORE: Headers = ((b"cache-control", b"no-store"),)


class Answer(NamedTuple):
    """Status, body and headers; the length and the request's id are added on sending."""

    status: int
    body: bytes
    headers: Headers = JSON


class Held(NamedTuple):
    """An answer that may only be given once its record is durable.

    Attributes
    ----------
    written
        Done when it is: ``None``, or the logged row to answer by instead.
    finish
        Makes the answer of that.
    """

    written: "asyncio.Future[dict[str, Any] | None]"
    finish: Callable[[dict[str, Any] | None], Answer]


class Problem(Exception):  # noqa: N818  # RFC 9457's own word
    """A refusal or a failure, as the client is told.

    Parameters
    ----------
    status
        HTTP status.
    kind
        Stable name of the problem; its ``type`` is ``urn:allot:problem:<kind>``.
    detail
        What was wrong and what to do about it.
    field
        The parameter or the member of the body that is to blame.
    retry_after
        Seconds after which a repeat makes sense.
    headers
        Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.field = field
        self.retry_after = retry_after
        self.headers = headers

    def answer(self, request_id: str) -> Answer:
        """Render the problem for one request."""
        document: dict[str, object] = {
            "type": f"urn:allot:problem:{self.kind}",
            "title": self.kind.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.field is not None:
            document["field"] = self.field
        headers = PROBLEM + NO_STORE + self.headers
        if self.retry_after is not None:
            headers += ((b"retry-after", str(self.retry_after).encode()),)
        return Answer(self.status, orjson.dumps(document), headers)


def unprocessable(field: str, detail: str) -> Problem:
    """Return the refusal of one parameter."""
    return Problem(422, "invalid-parameter", f"{field} {detail}", field=field)


def not_found(experiment: str) -> Problem:
    """Return the answer about an experiment that does not exist."""
    return Problem(
        404,
        "unknown-experiment",
        f"no experiment {experiment!r} has published weights",
        field="experiment_id",
    )


def unavailable(detail: str) -> Problem:
    """Return the answer while another part has to recover first."""
    return Problem(503, "unavailable", detail, retry_after=1)
