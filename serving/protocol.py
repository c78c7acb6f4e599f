"""HTTP with a deadline and a header limit for receiving, which uvicorn itself lacks."""

import asyncio
import sys
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.answers import Answer
from serving.edge import Edge, Promise
from serving.settings import serving_settings


class _Answered:
    """Stands where uvicorn keeps a request's cycle, for one that is answered already."""

    response_started = response_complete = True
    disconnected = more_body = False
    message_event = asyncio.Event()


_ANSWERED: Any = _Answered()


class _Promised:
    """Stands there for one whose answer waits for its record; what is pipelined waits behind."""

    response_started = response_complete = disconnected = False
    more_body = True
    message_event = _Answered.message_event

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.body = bytearray()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits on a slow or endless request, from the settings."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline with the connection."""
        super().connection_made(transport)
        settings = serving_settings()
        self._seconds = settings.serving_receive_seconds
        self._head_limit = settings.serving_max_header_bytes
        self._head_bytes = 0
        self._in_head = self._incomplete = True
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        app = self.app
        self._prompt = app.prompt if isinstance(app, Edge) else None
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and watch what is not complete."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self._head_limit:
                self._refuse(431, "request headers are too large")
        # Most requests come in one piece and need no timer.
        if self._incomplete:
            self._watch()
        else:
            self._unwatch()

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self._head_bytes = 0
        self._in_head = self._incomplete = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse headers that came in one piece but are too large."""
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self._head_limit:
            self._refuse(431, "request headers are too large")
        elif not self._answered_promptly():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._incomplete = False
        if not self._refused:
            super().on_message_complete()

    def _answered_promptly(self) -> bool:
        """Answer without a task, where the application can and nobody waits before us."""
        waits = self.cycle is not None and not self.cycle.response_complete
        crowded = len(self.connections) >= (self.limit_concurrency or sys.maxsize)
        if waits or crowded or self.flow.write_paused or self.parser.get_method() != b"GET":
            return False
        answer = self._prompt(self.url, self.headers) if self._prompt is not None else None
        if answer is None:
            return False
        keep_alive = self.parser.get_http_version() == "1.1" and self.parser.should_keep_alive()
        if isinstance(answer, Promise):
            promised: Any = _Promised(keep_alive=keep_alive)
            self.cycle = promised
            answer.written.add_done_callback(partial(self._keep_promise, promised, answer))
        else:
            self.cycle = _ANSWERED
            self._write_answer(answer, keep_alive=keep_alive)
        return True

    def _keep_promise(self, promised: _Promised, promise: Promise, _: object) -> None:
        promised.response_complete = True
        answer = promise.answer()
        if not promised.disconnected and not self.transport.is_closing():
            self._write_answer(answer, keep_alive=promised.keep_alive)

    def _write_answer(self, answer: Answer, *, keep_alive: bool) -> None:
        parts = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"\r\n" if keep_alive else b"connection: close\r\n\r\n", answer.body)
        self.transport.write(b"".join(parts))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _watch(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._seconds, self._too_slow)

    def _unwatch(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(408, "the request was not received in time")

    def _refuse(self, status: int, detail: str) -> None:
        self._refused = True
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        # An answer that has begun cannot become another one.
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(_refusal(status, detail))
        self.transport.close()


def _refusal(status: int, detail: str) -> bytes:
    body = b'{"type":"urn:allot:problem:request-limit","status":%d,"detail":"%b"}' % (
        status,
        detail.encode(),
    )
    return (
        b"HTTP/1.1 %d Refused\r\ncontent-type: application/problem+json\r\n"
        b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (status, len(body), body)
    )
