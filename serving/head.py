"""The few request headers that the edge reads, in one pass."""

from collections.abc import Callable, Iterable
from typing import Final


class Head:
    """Headers that every request is judged by; of several with one name the last counts."""

    __slots__ = ("content_length", "host", "if_none_match", "key", "request_id")

    def __init__(self) -> None:
        self.host = b""
        self.request_id: bytes | None = None
        self.if_none_match: bytes | None = None
        self.key: bytes | None = None
        self.content_length = 0


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """Read a request's headers (ASGI: lower-case names).

    Two Host headers contradict each other and count as none.
    """
    head = Head()
    hosts = 0
    for name, value in headers:
        if name == b"host":
            head.host = value
            hosts += 1
        elif name in _READ:
            _READ[name](head, value)
    if hosts != 1:
        head.host = b""
    return head


def _request_id(head: Head, value: bytes) -> None:
    head.request_id = value


def _if_none_match(head: Head, value: bytes) -> None:
    head.if_none_match = value


def _authorization(head: Head, value: bytes) -> None:
    head.key = _bearer(value)


def _api_key(head: Head, value: bytes) -> None:
    head.key = value


def _content_length(head: Head, value: bytes) -> None:
    if value.isdigit():
        head.content_length = int(value)


_READ: Final[dict[bytes, Callable[[Head, bytes], None]]] = {
    b"x-request-id": _request_id,
    b"if-none-match": _if_none_match,
    b"authorization": _authorization,
    b"x-api-key": _api_key,
    b"content-length": _content_length,
}


def _bearer(value: bytes) -> bytes:
    kind, _, token = value.partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else b""
