"""The outermost layer: hosts, request ids, body limit, hot routes, metrics."""

import asyncio
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple, TypeAlias

import structlog
from starlette.types import ASGIApp

from serving.answers import Answer, Held, Problem
from serving.following import Following
from serving.head import Head, read_head
from serving.hot import Asked, HotRoutes, NotHeldError
from serving.keys.directory import NotSureError, charge, is_open
from serving.keys.key import ANYONE, Caller
from serving.limited import Message, Receive, limited, too_large
from serving.metrics import Metrics

Scope: TypeAlias = MutableMapping[str, Any]
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


class Bounds(NamedTuple):
    """Which requests are looked at.

    Attributes
    ----------
    trusted_hosts
        Accepted Host headers, without port.
    max_body_bytes
        Largest request body.
    """

    trusted_hosts: tuple[str, ...]
    max_body_bytes: int


class Edge:
    """Answers hot routes itself and hands everything else on to the application.

    Parameters
    ----------
    app
        The application behind.
    hot
        The hot routes.
    following
        Knows who may ask.
    metrics
        Where requests are counted.
    bounds
        Which requests are looked at.
    """

    def __init__(
        self,
        app: ASGIApp,
        hot: HotRoutes,
        following: Following,
        metrics: Metrics,
        bounds: Bounds,
    ) -> None:
        self._app = app
        self._hot = hot
        self._routes = {path.encode(): route for path, route in hot.routes.items()}
        self._directory = following.directory
        self._refresh = following.refresh
        self._metrics = metrics
        self._hosts = frozenset(host.lower().encode() for host in bounds.trusted_hosts)
        self._max_body_bytes = bounds.max_body_bytes
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
            caller = await self._caller(head, scope["path"])
            exchange.key_id = caller.key_id
            charge(caller)
            if hot:
                asked = Asked(scope["query_string"], head.if_none_match, caller)
                await exchange.answer(await self._hot.answer(scope["path"], asked))
            else:
                scope.setdefault("state", {}).update(request_id=exchange.request_id, caller=caller)
                await self._app(scope, limited(receive, self._max_body_bytes), exchange.send)
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
            caller = self._directory.caller(head)
            if caller.bucket is not None and caller.bucket.wait() > 0.0:
                return None
            answer = route(Asked(query, head.if_none_match, caller))
        except (Problem, NotHeldError, NotSureError):
            return None
        if caller.bucket is not None:
            caller.bucket.take()
        request_id = self._request_id(head)
        named = (request_id, caller.key_id)
        if isinstance(answer, Answer):
            self._metrics.requests.note(path.decode(), answer.status, time.perf_counter() - started)
            return with_id(answer, request_id)

        def settle() -> Answer:
            settled = _settled(answer, request_id)
            seconds = time.perf_counter() - started
            self._metrics.requests.note(path.decode(), settled.status, seconds)
            if settled.status >= 400:
                _tell(named, ("GET", path.decode()), settled.status, seconds)
            return with_id(settled, request_id)

        return Promise(answer.written, settle)

    def _admit(self, head: Head) -> None:
        if head.host not in self._hosts and _without_port(head.host.lower()) not in self._hosts:
            raise Problem(421, "untrusted-host", "this server does not answer for that host")
        if head.content_length > self._max_body_bytes:
            raise Problem(413, "body-too-large", too_large(self._max_body_bytes))

    async def _caller(self, head: Head, path: str) -> Caller:
        if is_open(path):
            return ANYONE
        return await self._directory.caller_surely(head, self._refresh)

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
            asked = (scope["method"], scope["path"])
            named = (exchange.request_id, exchange.key_id)
            _tell(named, asked, exchange.status, seconds)


class _Exchange:
    """One answer on its way: adds the request's id and remembers the status."""

    __slots__ = ("_send", "key_id", "request_id", "status")

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.key_id: str | None = None
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


def _tell(
    named: tuple[str, str | None], asked: tuple[str, str], status: int, seconds: float
) -> None:
    request_id, key_id = named
    method, path = asked
    tell = log.error if status >= 500 else log.info
    tell(
        "request failed" if status >= 500 else "request refused",
        request_id=request_id,
        key_id=key_id,
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
    return Answer(answer.status, answer.body, headers)


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host
