"""Reading the weights store (Dragonfly or Valkey): pointers, snapshots, announcements."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from typing import TypeVar, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from include.contract.names import ANNOUNCEMENTS, EXPERIMENTS, head_key, is_name, version_key
from include.contract.published import Pointer
from include.errors import DamagedSnapshotError, StoreUnavailableError

Result = TypeVar("Result")
CHUNK = 200


class WeightsReader:
    """Reads with one short deadline per call, since a frozen store would hold a caller for ever.

    Parameters
    ----------
    url
        ``redis://…``
    timeout
        Deadline of one call, seconds.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._timeout = timeout
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            max_connections=16,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def known(self) -> frozenset[str]:
        """Return the slugs of all experiments that have ever been published.

        Raises
        ------
        StoreUnavailableError
            If the store does not answer in time.
        """
        members = await self._within(
            cast("Awaitable[set[bytes]]", self._client.smembers(EXPERIMENTS))
        )
        slugs = (member.decode("utf-8", "replace") for member in members)
        return frozenset(slug for slug in slugs if is_name(slug))

    async def heads(self, experiments: Iterable[str]) -> Mapping[str, bytes]:
        """Return the raw pointers of experiments; one without a pointer is absent."""
        slugs = sorted(experiments)
        values = await self._many([head_key(slug) for slug in slugs])
        return {slug: raw for slug, raw in zip(slugs, values, strict=True) if raw is not None}

    async def values(self, pointers: Sequence[Pointer]) -> Sequence[bytes | None]:
        """Return the raw snapshots that pointers name, ``None`` where the key is missing."""
        return await self._many([version_key(each.experiment, each.version) for each in pointers])

    async def announcements(self) -> AsyncIterator[Pointer | None]:
        """Yield announcements as they come, and ``None`` whenever a while passes without one.

        Raises
        ------
        StoreUnavailableError
            If the subscription breaks; subscribe anew.
        """
        async with self._client.pubsub(ignore_subscribe_messages=True) as channel:
            await self._within(channel.subscribe(ANNOUNCEMENTS))
            yield None
            while True:
                try:
                    message = await channel.get_message(timeout=self._timeout)
                except (RedisError, OSError) as error:
                    raise StoreUnavailableError(f"announcements broke off: {error}") from error
                yield _pointer(message)

    async def _many(self, keys: Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for start in range(0, len(keys), CHUNK):
            call = cast(
                "Awaitable[list[bytes | None]]", self._client.mget(keys[start : start + CHUNK])
            )
            found += await self._within(call)
        return found

    async def _within(self, call: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(f"the weights store does not answer: {error!r}") from error


def _pointer(message: Mapping[str, object] | None) -> Pointer | None:
    raw = message.get("data") if message else None
    if not isinstance(raw, bytes):
        return None
    try:
        return Pointer.from_announcement(raw)
    except DamagedSnapshotError:
        # The poll finds whatever a garbled announcement meant.
        return None
