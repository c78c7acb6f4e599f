"""The outermost layer: hosts, request ids, body limit, hot routes, metrics."""

import asyncio
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple, TypeAlias

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from serving.answers import Answer, Held, Problem
from serving.head import Head, read_head
from serving.hot import Asked, HotRoutes, NotHeldError
from serving.metrics import Metrics

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")
OTHER_ROUTE = "other"
log = structlog.get_logger("allot.serving")


class Promise(NamedTuple):
    """An answer that is given as soon as its record is durable.

    Attributes
    ----------
    written
        Done when it is.
    answer
        Makes the whole answer, then.
    """

    written: "asyncio.Future[dict[str, Any] | None]"
    answer: Callable[[], Answer]


class Edge:
    """Answers hot routes itself and hands everything else on to the application.

    Parameters
    ----------
    app
        The application behind.
    hot
        The hot routes.
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
        hot: HotRoutes,
        metrics: Metrics,
        trusted_hosts: tuple[str, ...],
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._hot = hot
        self._routes = {path.encode(): route for path, route in hot.routes.items()}
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
        head = read_head(scope["headers"])
        exchange = _Exchange(self._request_id(head), send)
        hot = scope["method"] == "GET" and scope["path"] in self._hot.routes
        try:
            self._admit(head)
            if hot:
                asked = Asked(scope["query_string"], head.if_none_match)
                await exchange.answer(await self._hot.answer(scope["path"], asked))
            else:
                scope.setdefault("state", {})["request_id"] = exchange.request_id
                await self._app(scope, _limited(receive, self._max_body_bytes), exchange.send)
        except Problem as problem:
            await exchange.answer(problem.answer(exchange.request_id))
        finally:
            self._note(scope, exchange, started, hot=hot)

    def prompt(self, url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Answer | Promise | None:
        """Answer a GET at once, or return ``None`` where it has to go the ordinary way.

        The server's protocol asks here before it starts a task for a request. Refusals and
        everything that waits take the ordinary way, so that there is one place for each.
        """
        path, _, query = url.partition(b"?")
        route = self._routes.get(path)
        if route is None:
            return None
        started = time.perf_counter()
        head = read_head(headers)
        try:
            self._admit(head)
            answer = route(Asked(query, head.if_none_match))
        except (Problem, NotHeldError):
            return None
        request_id = self._request_id(head)
        if isinstance(answer, Answer):
            self._metrics.requests.note(path.decode(), answer.status, time.perf_counter() - started)
            return with_id(answer, request_id)

        def settle() -> Answer:
            settled = _settled(answer, request_id)
            seconds = time.perf_counter() - started
            self._metrics.requests.note(path.decode(), settled.status, seconds)
            if settled.status >= 400:
                _tell(request_id, "GET", path.decode(), settled.status, seconds)
            return with_id(settled, request_id)

        return Promise(answer.written, settle)

    def _admit(self, head: Head) -> None:
        if head.host not in self._hosts and _without_port(head.host.lower()) not in self._hosts:
            raise Problem(421, "untrusted-host", "this server does not answer for that host")
        if head.content_length > self._max_body_bytes:
            raise Problem(413, "body-too-large", _too_large(self._max_body_bytes))

    def _request_id(self, head: Head) -> str:
        given = head.request_id
        if given is not None and REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        return f"{self._process}-{next(self._serial):x}"

    def _note(self, scope: Scope, exchange: "_Exchange", started: float, *, hot: bool) -> None:
        seconds = time.perf_counter() - started
        template = scope["path"] if hot else getattr(scope.get("route"), "path", OTHER_ROUTE)
        self._metrics.requests.note(template, exchange.status, seconds)
        if exchange.status >= 400:
            _tell(exchange.request_id, scope["method"], scope["path"], exchange.status, seconds)


class _Exchange:
    """One answer on its way: adds the request's id and remembers the status."""

    __slots__ = ("_send", "request_id", "status")

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self._send = send
        self.status = 500

    async def answer(self, answer: Answer) -> None:
        self.status = answer.status
        headers = list(with_id(answer, self.request_id).headers)
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


def _settled(held: Held, request_id: str) -> Answer:
    try:
        return held.finish(held.written.result())
    except Problem as problem:
        return problem.answer(request_id)


def _tell(request_id: str, method: str, path: str, status: int, seconds: float) -> None:
    tell = log.error if status >= 500 else log.info
    tell(
        "request failed" if status >= 500 else "request refused",
        request_id=request_id,
        method=method,
        path=path[:200],
        status=status,
        seconds=round(seconds, 6),
    )


def with_id(answer: Answer, request_id: str) -> Answer:
    """Add the request's id and the length to an answer."""
    headers = (*answer.headers, (b"x-request-id", request_id.encode()))
    if answer.status != 304:
        headers += ((b"content-length", b"%d" % len(answer.body)),)
    return answer._replace(headers=headers)


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit} bytes"


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
            raise HTTPException(413, _too_large(limit))
        return message

    return counting
