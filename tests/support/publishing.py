"""Writing weights into a store, byte for byte as the contract says."""

from collections.abc import Mapping, Sequence

import redis

from include.contract.names import ANNOUNCEMENTS, EXPERIMENTS, head_key, version_key
from include.contract.published import Published
from include.contract.weights import POOLED_CELL, WeightsContent, contiguous_slot, derive_salt

REVISION = "4f" * 32


def published(
    experiment: str,
    version: int = 0,
    *,
    arms: Sequence[str] = ("blue", "green"),
    buckets: Sequence[Sequence[int]] = ((5000, 5000),),
    cells: Mapping[str, Sequence[Sequence[int]]] | None = None,
    parent: str = REVISION,
) -> Published:
    """Build a snapshot from bucket counts per position, or per cell and position."""
    batch = None if version == 0 else f"2026-01-{version:02d}"
    content = WeightsContent(
        experiment=experiment,
        revision=REVISION,
        parent=parent,
        batch=batch,
        statistics=None if version == 0 else "5a" * 32,
        method="thompson/1",
        salt=derive_salt("rerandomise", experiment, REVISION, parent, batch),
        arms=tuple(arms),
        cells={
            cell: tuple(contiguous_slot(slot) for slot in slots)
            for cell, slots in (cells or {POOLED_CELL: buckets}).items()
        },
    )
    moment = "2026-01-10T12:00:00+00:00"
    return Published(content, content.hash(), {"version": version, "effective_from": moment})


class Publisher:
    """Publishes into a store: the snapshot, then the pointer, then the announcement."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def publish(
        self, experiment: str, version: int = 0, *, announce: bool = True, **shape: object
    ) -> Published:
        """Publish a version of an experiment."""
        snapshot = published(experiment, version, **shape)  # type: ignore[arg-type]
        self.write_value(snapshot)
        self.point(snapshot)
        if announce:
            self.client.publish(ANNOUNCEMENTS, snapshot.pointer().announcement())
        return snapshot

    def write_value(self, snapshot: Published) -> None:
        """Write a snapshot under its version key."""
        key = version_key(snapshot.content.experiment, snapshot.version)
        self.client.set(key, snapshot.value())

    def point(self, snapshot: Published) -> None:
        """Make a version the live one."""
        self.client.sadd(EXPERIMENTS, snapshot.content.experiment)
        self.client.set(head_key(snapshot.content.experiment), snapshot.pointer().head())
