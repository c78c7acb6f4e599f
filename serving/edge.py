"""The outermost layer: hosts, request ids, body limit, hot routes, metrics."""

import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from serving.answers import Answer, Problem
from serving.hot import HotRoute, Scope, header
from serving.metrics import Metrics

Message: TypeAlias = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
OTHER_ROUTE = "other"
log = structlog.get_logger("allot.serving")


class Edge:
    """Answers hot routes itself and hands everything else on to the application.

    Parameters
    ----------
    app
        The application behind.
    hot
        Hot routes by method and path.
    metrics
        Where requests are counted.
    trusted_hosts
        Accepted Host headers, without port.
    max_body_bytes
        Largest request body.
    """

    def __init__(
        self,
        app: ASGIApp,
        hot: Mapping[tuple[str, str], HotRoute],
        metrics: Metrics,
        trusted_hosts: tuple[str, ...],
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._hot = hot
        self._metrics = metrics
        self._hosts = frozenset(host.lower().encode() for host in trusted_hosts)
        self._max_body_bytes = max_body_bytes
        self._process = os.urandom(6).hex()
        self._serial = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = self._request_id(scope)
        route = self._hot.get((scope["method"], scope["path"]))
        exchange = _Exchange(request_id, send)
        try:
            self._admit(scope)
            if route is None:
                scope.setdefault("state", {})["request_id"] = request_id
                await self._app(scope, _limited(receive, self._max_body_bytes), exchange.send)
            else:
                await exchange.answer(await route(scope))
        except Problem as problem:
            await exchange.answer(problem.answer(request_id))
        finally:
            self._note(scope, exchange, started, hot=route is not None)

    def _admit(self, scope: Scope) -> None:
        host = header(scope, b"host")
        if host is None or _without_port(host.lower()) not in self._hosts:
            raise Problem(421, "untrusted-host", "this server does not answer for that host")
        length = header(scope, b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_body_bytes:
            raise too_large(self._max_body_bytes)

    def _request_id(self, scope: Scope) -> str:
        given = header(scope, b"x-request-id")
        if given is not None and REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        return f"{self._process}-{next(self._serial):x}"

    def _note(self, scope: Scope, exchange: "_Exchange", started: float, *, hot: bool) -> None:
        seconds = time.perf_counter() - started
        template = scope["path"] if hot else getattr(scope.get("route"), "path", OTHER_ROUTE)
        self._metrics.request(template, exchange.status, seconds)
        if exchange.status >= 400:
            log.log(
                40 if exchange.status >= 500 else 20,
                "request refused" if exchange.status < 500 else "request failed",
                request_id=exchange.request_id,
                method=scope["method"],
                path=scope["path"][:200],
                status=exchange.status,
                seconds=round(seconds, 6),
            )


class _Exchange:
    """One answer on its way: adds the request's id and remembers the status."""

    __slots__ = ("_send", "request_id", "status")

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self._send = send
        self.status = 500

    async def answer(self, answer: Answer) -> None:
        headers = [*answer.headers, (b"x-request-id", self.request_id.encode())]
        if answer.status != 304:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        self.status = answer.status
        await self._send(
            {"type": "http.response.start", "status": answer.status, "headers": headers}
        )
        await self._send({"type": "http.response.body", "body": answer.body})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self.request_id.encode()),
            ]
        await self._send(message)


def too_large(limit: int) -> Problem:
    """Return the refusal of a body that is too large."""
    return Problem(413, "body-too-large", f"the body is larger than {limit} bytes")


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            # The framework turns anything but its own exception into 400.
            raise HTTPException(413, f"the body is larger than {limit} bytes")
        return message

    return counting
