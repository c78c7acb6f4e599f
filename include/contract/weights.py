"""The weights snapshot: what is published, and by which name.

A snapshot's *content* is immutable and named by its SHA-256; its *provenance*
(version number, DAG run, tracking run, lake version, …) travels beside it,
outside the hash.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from include.contract.canonical import Json, canonical_json, content_hash

BUCKETS: Final = 10_000
SCHEMA: Final = "allot.weights/1"
POOLED_CELL: Final = "*"

AssignmentMode = Literal["rerandomise", "nested"]
# (first bucket, one past the last bucket, arm index)
BucketRange = tuple[int, int, int]
Slot = tuple[BucketRange, ...]


@dataclass(frozen=True, slots=True)
class WeightsContent:
    """The hashed part of a weights snapshot.

    Attributes
    ----------
    experiment
        Slug of the experiment.
    revision
        Hash of the experiment's revision document.
    parent
        Content hash of the snapshot that this one follows; the revision hash for version 0.
    batch
        Newest ``batch_id`` folded in; ``None`` for version 0.
    statistics
        Hash over the statistics of all closed batches; ``None`` for version 0.
    method
        Name and version of the method that made the weights, as ``thompson/1``.
    salt
        Hex salt of the assignment hash, derived by `derive_salt`.
    arms
        Arm ids, in the order of their indices.
    cells
        Context cell to its slots; each slot covers the buckets 0 … 9,999 once, in order.
    """

    experiment: str
    revision: str
    parent: str
    batch: str | None
    statistics: str | None
    method: str
    salt: str
    arms: tuple[str, ...]
    cells: Mapping[str, tuple[Slot, ...]]

    def __post_init__(self) -> None:
        if not self.cells:
            raise ValueError(f"weights of {self.experiment!r} have no cell")
        for cell, slots in self.cells.items():
            for index, slot in enumerate(slots):
                _check_cover(slot, len(self.arms), f"{self.experiment!r}, cell {cell!r}, {index}")

    def as_json(self) -> dict[str, Json]:
        """Return the content as a JSON object."""
        return {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "revision": self.revision,
            "parent": self.parent,
            "batch": self.batch,
            "statistics": self.statistics,
            "method": self.method,
            "salt": self.salt,
            "arms": list(self.arms),
            "cells": {
                cell: [[list(part) for part in slot] for slot in slots]
                for cell, slots in self.cells.items()
            },
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "WeightsContent":
        """Read a content object written by `as_json`.

        Raises
        ------
        ValueError
            If the schema is another one, or a slot does not cover the buckets once.
        """
        if document.get("schema") != SCHEMA:
            raise ValueError(f"weights schema {document.get('schema')!r} is not {SCHEMA!r}")
        return cls(
            experiment=document["experiment"],
            revision=document["revision"],
            parent=document["parent"],
            batch=document["batch"],
            statistics=document["statistics"],
            method=document["method"],
            salt=document["salt"],
            arms=tuple(document["arms"]),
            cells={
                cell: tuple(tuple((a, b, arm) for a, b, arm in slot) for slot in slots)
                for cell, slots in document["cells"].items()
            },
        )

    def canonical(self) -> bytes:
        """Return the canonical bytes of the content."""
        return canonical_json(self.as_json())

    def hash(self) -> str:
        """Return the content hash, the snapshot's name."""
        return content_hash(self.as_json())

    def buckets(self, cell: str = POOLED_CELL, slot: int = 0) -> tuple[int, ...]:
        """Return the number of buckets of every arm, summing to 10,000."""
        counts = [0] * len(self.arms)
        for start, stop, arm in self.cells[cell][slot]:
            counts[arm] += stop - start
        return tuple(counts)


def contiguous_slot(buckets: Sequence[int]) -> Slot:
    """Lay arms out side by side in arm order, leaving out arms without a bucket."""
    parts: list[BucketRange] = []
    start = 0
    for arm, count in enumerate(buckets):
        if count:
            parts.append((start, start + count, arm))
            start += count
    return tuple(parts)


def nested_slot(previous: Slot, buckets: Sequence[int]) -> Slot:
    """Give every arm its new count while moving the fewest buckets.

    Arms that shrink give up their highest buckets; arms that grow take freed
    buckets in ascending order, lower arm index first. Exactly
    ``Σ max(new − old, 0)`` buckets change hands, the least possible.

    Parameters
    ----------
    previous
        The slot that was live before.
    buckets
        New counts per arm, summing to 10,000; may have more arms than before.
    """
    owner = [0] * BUCKETS
    held: list[list[int]] = [[] for _ in buckets]
    for start, stop, arm in previous:
        for bucket in range(start, stop):
            owner[bucket] = arm
            held[arm].append(bucket)
    freed: list[int] = []
    for arm, own in enumerate(held):
        freed.extend(own[buckets[arm] :])
    freed.sort()
    takers = (arm for arm, own in enumerate(held) for _ in range(max(buckets[arm] - len(own), 0)))
    for bucket, arm in zip(freed, takers, strict=True):
        owner[bucket] = arm
    return _runs(owner)


def derive_salt(
    mode: AssignmentMode, experiment: str, revision: str, parent: str, batch: str | None
) -> str:
    """Derive the assignment salt.

    Under ``rerandomise`` every snapshot draws units afresh; under ``nested`` the
    salt depends on the experiment alone, so that only moved buckets move units.
    """
    seed: list[Json] = [experiment]
    if mode == "rerandomise":
        seed += [revision, parent, batch]
    return content_hash(["allot.salt/1", mode, seed])


def _runs(owner: Iterable[int]) -> Slot:
    parts: list[BucketRange] = []
    for bucket, arm in enumerate(owner):
        if parts and parts[-1][2] == arm:
            parts[-1] = (parts[-1][0], bucket + 1, arm)
        else:
            parts.append((bucket, bucket + 1, arm))
    return tuple(parts)


def _check_cover(slot: Slot, arms: int, where: str) -> None:
    expected = 0
    for start, stop, arm in slot:
        if start != expected or stop <= start or not 0 <= arm < arms:
            raise ValueError(f"slot of {where}: range {(start, stop, arm)} breaks the bucket cover")
        expected = stop
    if expected != BUCKETS:
        raise ValueError(f"slot of {where} covers {expected} of {BUCKETS} buckets")
