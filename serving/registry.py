"""The weights that this process answers from: one immutable snapshot per experiment."""

import time
from collections.abc import Iterator
from enum import StrEnum

from serving.snapshot import Snapshot


class Outcome(StrEnum):
    """What became of a snapshot that was offered to the registry."""

    INSTALLED = "installed"
    CONFIRMED = "confirmed"
    OLDER = "older"
    CONFLICT = "conflict"


class Live:
    """A snapshot with the moment at which the store last named it the live one."""

    __slots__ = ("confirmed_at", "snapshot")

    def __init__(self, snapshot: Snapshot, confirmed_at: float) -> None:
        self.snapshot = snapshot
        self.confirmed_at = confirmed_at

    def unconfirmed_seconds(self) -> float:
        """Return how long ago the store last confirmed this snapshot."""
        return max(time.monotonic() - self.confirmed_at, 0.0)


class Registry:
    """Snapshots by experiment, swapped whole and never replaced by an older version."""

    def __init__(self) -> None:
        self._live: dict[str, Live] = {}
        self.known: frozenset[str] = frozenset()

    def get(self, experiment: str) -> Live | None:
        """Return what is answered for an experiment."""
        return self._live.get(experiment)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def missing(self) -> list[str]:
        """Return the experiments that exist, of which no snapshot is held."""
        return sorted(self.known - self._live.keys())

    def install(self, snapshot: Snapshot, *, confirmed: bool = True) -> Outcome:
        """Offer a snapshot.

        Parameters
        ----------
        snapshot
            What some source says is live.
        confirmed
            Whether the store said so just now; a copy from disk says it about the past.

        Returns
        -------
        Outcome
            ``older`` and ``conflict`` (same version, other content) leave what is held.
        """
        outcome = self._judge(snapshot)
        if outcome is Outcome.INSTALLED:
            moment = time.monotonic() if confirmed else float("-inf")
            self._live[snapshot.experiment] = Live(snapshot, moment)
        elif outcome is Outcome.CONFIRMED and confirmed:
            self.confirm(snapshot.experiment)
        return outcome

    def confirm(self, experiment: str) -> None:
        """Note that the store names what is held as the live version."""
        self._live[experiment].confirmed_at = time.monotonic()

    def _judge(self, offered: Snapshot) -> Outcome:
        live = self._live.get(offered.experiment)
        if live is None or offered.version > live.snapshot.version:
            return Outcome.INSTALLED
        if offered.version < live.snapshot.version:
            return Outcome.OLDER
        same = offered.content_hash == live.snapshot.content_hash
        return Outcome.CONFIRMED if same else Outcome.CONFLICT
