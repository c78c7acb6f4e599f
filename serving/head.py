"""The few request headers that the edge reads, in one pass."""

from collections.abc import Iterable


class Head:
    """Headers that every request is judged by; of several with one name the last counts."""

    __slots__ = ("content_length", "host", "if_none_match", "request_id")

    def __init__(self) -> None:
        self.host = b""
        self.request_id: bytes | None = None
        self.if_none_match: bytes | None = None
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
        elif name == b"x-request-id":
            head.request_id = value
        elif name == b"if-none-match":
            head.if_none_match = value
        elif name == b"content-length" and value.isdigit():
            head.content_length = int(value)
    if hosts != 1:
        head.host = b""
    return head
