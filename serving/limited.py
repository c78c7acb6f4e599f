"""A limit on how much of a body is received."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException

Message: TypeAlias = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


def too_large(limit: int) -> str:
    """Say that a body is too large."""
    return f"the body is larger than {limit} bytes"


def limited(receive: Receive, limit: int) -> Receive:
    """Return a way to receive a body that fails once there is more than the limit."""
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            # The framework turns anything but its own exception into 400.
            raise HTTPException(413, too_large(limit))
        return message

    return counting
