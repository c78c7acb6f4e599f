"""Telling the weights store of a new experiment, as the publisher does."""

import asyncio

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from include.contract.names import ANNOUNCEMENTS, EXPERIMENTS, head_key, version_key
from include.contract.published import Published
from include.errors import StoreUnavailableError


class Announcer:
    """Writes version 0: the snapshot, then a pointer where there is none, then the announcement.

    Parameters
    ----------
    url
        ``redis://…``
    timeout
        Deadline of all of it, seconds.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._timeout = timeout
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            max_connections=4,
        )

    async def publish(self, published: Published) -> None:
        """Publish a first version; a pointer that is there already stays, as it may be newer.

        Raises
        ------
        StoreUnavailableError
            If the store did not confirm it in time; the reconciler finishes it.
        """
        pointer = published.pointer()
        slug = pointer.experiment
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.set(version_key(slug, pointer.version), published.value())
                await self._client.set(head_key(slug), pointer.head(), nx=True)
                await self._client.sadd(EXPERIMENTS, slug)
                await self._client.publish(ANNOUNCEMENTS, pointer.announcement())
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(f"the weights store does not answer: {error!r}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
