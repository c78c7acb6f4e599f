"""Who a key belongs to: looked up in memory, as PostgreSQL told a moment ago."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable

from serving.answers import Problem, unavailable
from serving.head import Head
from serving.keys.bucket import Bucket
from serving.keys.key import ANYONE, CHALLENGE, Caller, digest_of, is_same, key_id_of
from serving.stores.terms import KeyRow

# Probes, and the documentation, which tells how to get a key.
OPEN = frozenset({"/health", "/ready", "/docs", "/openapi.json", "/favicon.ico"})
OPEN_PREFIX = "/static-offline-docs/"
ASK_SECONDS = 0.2


class NotSureError(Exception):
    """The key is not known to this process; PostgreSQL may know it by now."""


class Directory:
    """Finds the caller of a request.

    Parameters
    ----------
    required
        Whether a request needs a key; without, everybody may do everything.
    rate
        Requests per second and key, in this process.
    kept_seconds
        How long keys hold while PostgreSQL cannot be asked.
    """

    def __init__(self, *, required: bool, rate: float, kept_seconds: float) -> None:
        self.required = required
        self._rate = rate
        self._kept_seconds = kept_seconds
        self._callers: dict[str, Caller] = {}
        self._confirmed_at = -math.inf
        self._asked_at = -math.inf

    def load(self, rows: Iterable[KeyRow]) -> None:
        """Take over the keys that are in force; all others are refused from now on."""
        self._callers = {row.key_id: self._caller(row) for row in rows}
        self._confirmed_at = time.monotonic()

    def caller(self, head: Head) -> Caller:
        """Return who asks, by the request's headers.

        Raises
        ------
        Problem
            401 where there is no key, or it is none.
        NotSureError
            If PostgreSQL has to be asked.
        """
        if not self.required:
            return ANYONE
        token = head.key
        key_id = None if token is None else key_id_of(token)
        if token is None or key_id is None:
            raise _unauthorised("send a key as `Authorization: Bearer …` or `X-API-Key`")
        held = self._callers.get(key_id)
        if held is None or time.monotonic() - self._confirmed_at > self._kept_seconds:
            raise NotSureError
        if not is_same(held.digest, digest_of(token)):
            raise _unauthorised("this key is not known, or it is revoked")
        return held

    async def caller_surely(self, head: Head, refresh: Callable[[], Awaitable[None]]) -> Caller:
        """Return who asks; for keys that are not known PostgreSQL is asked, but seldom.

        Raises
        ------
        Problem
            401; 503 while keys cannot be checked at all.
        """
        try:
            return self.caller(head)
        except NotSureError:
            arrived = time.monotonic()
            # Many who guess share one question; who was just given a key waits a moment.
            await asyncio.sleep(max(self._asked_at + ASK_SECONDS - arrived, 0.0))
            if self._asked_at < arrived:
                self._asked_at = time.monotonic()
                await refresh()
        try:
            return self.caller(head)
        except NotSureError:
            if time.monotonic() - self._confirmed_at > self._kept_seconds:
                raise unavailable("keys cannot be checked while PostgreSQL is away") from None
            raise _unauthorised("this key is not known, or it is revoked") from None

    def _caller(self, row: KeyRow) -> Caller:
        before = self._callers.get(row.key_id)
        allowed = None if row.experiments is None else frozenset(row.experiments)
        return Caller(
            key_id=row.key_id,
            name=row.name,
            digest=bytes.fromhex(row.secret_hash),
            scopes=frozenset(row.scopes),
            experiments=allowed,
            bucket=before.bucket if before is not None else Bucket(self._rate),
        )


def is_open(path: str) -> bool:
    """Tell whether a path is answered without a key."""
    return path in OPEN or path.startswith(OPEN_PREFIX)


def charge(caller: Caller) -> None:
    """Count a request of a caller.

    Raises
    ------
    Problem
        429 if it asks too often.
    """
    wait = 0.0 if caller.bucket is None else caller.bucket.take()
    if wait > 0.0:
        detail = "this key asks more often than it may; wait a moment"
        raise Problem(429, "too-many-requests", detail, retry_after=math.ceil(wait))


def _unauthorised(detail: str) -> Problem:
    return Problem(401, "key-required", detail, headers=CHALLENGE)
