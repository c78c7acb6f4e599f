"""The weights store (Dragonfly or Valkey): a cache of what PostgreSQL has published.

Writes are ordered so that the pointer names a complete snapshot at every instant:
first the snapshot under its version key, then the pointer by compare-and-set, then the
announcement. Every write may be repeated, so a lost reply is answered by reading back.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Self, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from include.contract.names import ANNOUNCEMENTS, EXPERIMENTS, head_key, version_key
from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError, StoreUnavailableError
from include.settings import Settings

ATTEMPTS: Final = 4

_LOST: Final = (redis.ConnectionError, redis.TimeoutError)
_Result = TypeVar("_Result")


class WeightsStore:
    """Snapshots and pointers of all experiments, as serving reads them."""

    def __init__(self, settings: Settings) -> None:
        # All attempts together stay within the deadline of one call.
        seconds = settings.timeout_seconds / ATTEMPTS
        # The client's own retries would repeat an EXEC whose reply was lost.
        self._client = redis.Redis.from_url(
            settings.store_url.get_secret_value(),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def publish(self, published: Published) -> Pointer:
        """Write a snapshot, move the pointer to it unless it is already further, announce.

        Returns
        -------
        Pointer
            The live one: this version, or a newer one that was already there.

        Raises
        ------
        StoreUnavailableError
            If the store did not confirm a write; repeat the call.
        """
        self.put(published)
        live = self.advance(published.pointer())
        self.announce(live)
        return live

    def put(self, published: Published) -> None:
        """Write a snapshot under its version key; the same bytes however often."""
        pointer = published.pointer()
        key, value = version_key(pointer.experiment, pointer.version), published.value()
        _repeat(lambda: self._client.set(key, value))

    def advance(self, pointer: Pointer) -> Pointer:
        """Move the pointer of an experiment forward by compare-and-set.

        A pointer that is further on stays; a missing or damaged one, and one that names
        another snapshot under the same version, is replaced.
        """

        def moves(current: Pointer | None) -> bool:
            return current is None or (current != pointer and current.version <= pointer.version)

        live = _repeat(lambda: self._compare_and_set(pointer, moves))
        return pointer if live is None else live

    def reset(self, pointer: Pointer, seen: Pointer) -> None:
        """Replace exactly the pointer that was seen, even by an older version.

        Only for a pointer to a version that PostgreSQL never published.
        """
        _repeat(lambda: self._compare_and_set(pointer, lambda current: current == seen))

    def announce(self, pointer: Pointer) -> None:
        """Tell replicas about a version; hearing it twice does no harm."""
        _repeat(lambda: self._client.publish(ANNOUNCEMENTS, pointer.announcement()))

    def pointer(self, experiment: str) -> Pointer | None:
        """Return the pointer of an experiment, or ``None`` if there is none.

        Raises
        ------
        DamagedSnapshotError
            If the value is not a pointer.
        StoreUnavailableError
            If the store does not answer.
        """
        raw = _repeat(lambda: self._bytes(head_key(experiment)))
        return None if raw is None else Pointer.from_head(experiment, raw)

    def snapshot(self, pointer: Pointer) -> Published | None:
        """Return the snapshot that a pointer names, or ``None`` if its key is missing.

        Raises
        ------
        DamagedSnapshotError
            If the value does not hash to its name, or is no snapshot.
        StoreUnavailableError
            If the store does not answer.
        """
        key = version_key(pointer.experiment, pointer.version)
        raw = _repeat(lambda: self._bytes(key))
        return None if raw is None else Published.from_value(pointer, raw)

    def lists(self, experiment: str) -> bool:
        """Tell whether the set of experiments holds this one."""
        return _repeat(lambda: bool(self._client.sismember(EXPERIMENTS, experiment)))

    def list_experiment(self, experiment: str) -> None:
        """Add an experiment to the set that replicas load at start."""
        _repeat(lambda: self._client.sadd(EXPERIMENTS, experiment))

    def _bytes(self, key: str) -> bytes | None:
        value = self._client.get(key)
        return value if isinstance(value, bytes) else None

    def _compare_and_set(
        self, pointer: Pointer, moves: Callable[[Pointer | None], bool]
    ) -> Pointer | None:
        key = head_key(pointer.experiment)
        with self._client.pipeline() as pipe:
            pipe.watch(key)  # type: ignore[no-untyped-call]
            current = _parsed(pointer.experiment, pipe.get(key))
            if not moves(current):
                return current
            pipe.multi()
            pipe.set(key, pointer.head())
            pipe.sadd(EXPERIMENTS, pointer.experiment)
            pipe.execute()
        return pointer


def _parsed(experiment: str, raw: object) -> Pointer | None:
    if not isinstance(raw, bytes):
        return None
    try:
        return Pointer.from_head(experiment, raw)
    except DamagedSnapshotError:
        return None


def _repeat(action: Callable[[], _Result]) -> _Result:
    """Repeat an action that finds what it did before: after a lost reply, or a lost race."""
    for _ in range(ATTEMPTS - 1):
        with suppress(*_LOST, redis.WatchError):
            return action()
    try:
        return action()
    except redis.RedisError as error:
        raise StoreUnavailableError(
            f"the weights store did not confirm a call ({ATTEMPTS} attempts): {error}. PostgreSQL "
            "holds what was published; look at `make status`, the reconciler heals the rest."
        ) from error
