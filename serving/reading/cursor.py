"""Where a page ended, as a text that clients hand back without looking inside."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from serving.answers import Problem, unprocessable

MAX_LENGTH: Final = 512


def write_cursor(key: Sequence[object]) -> str:
    """Return the cursor of the row with this key."""
    return base64.urlsafe_b64encode(orjson.dumps(list(key))).decode().rstrip("=")


def read_cursor(cursor: str | None, kinds: Sequence[type]) -> list[Any] | None:
    """Return the key that a cursor names; ``None`` for the first page.

    Parameters
    ----------
    cursor
        As the client sent it.
    kinds
        Type of every part of the key.

    Raises
    ------
    Problem
        422 if it is none of this route's.
    """
    if cursor is None:
        return None
    try:
        key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise _foreign() from None
    # Not isinstance: True is no number here.
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise _foreign()
    if any("\0" in part if isinstance(part, str) else abs(part) >= 2**31 for part in key):
        raise _foreign()
    return key


def read_moment(text: str) -> datetime:
    """Return the time that stands in a cursor.

    Raises
    ------
    Problem
        422 if it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _foreign() from None
    if moment.tzinfo is None:
        raise _foreign()
    return moment


def _foreign() -> Problem:
    return unprocessable("cursor", "is not one that this route gave")
