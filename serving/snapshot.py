"""A weights snapshot compiled for answering: compact arrays, texts rendered on first use."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from include.contract.assignment import bucket_in, unit_hasher
from include.contract.published import Published
from include.contract.weights import BUCKETS, POOLED_CELL
from serving.slots import CompiledSlot, Draw


@dataclass(frozen=True)
class Snapshot:
    """What serving holds of one experiment's live weights.

    Attributes
    ----------
    experiment, version, content_hash, parent, revision, batch, statistics, method
        The snapshot's name and lineage, as published.
    provenance
        What the publisher said beside the content.
    effective_from
        When this version went live.
    arms
        Arm ids, in the order of their indices.
    cells
        Context cell to its compiled slots.
    """

    experiment: str
    version: int
    content_hash: str
    parent: str
    revision: str
    batch: str | None
    statistics: str | None
    method: str
    provenance: Mapping[str, Any]
    effective_from: datetime
    arms: tuple[str, ...]
    cells: Mapping[str, tuple[CompiledSlot, ...]]
    salted: "hashlib._Hash"

    @property
    def strategy(self) -> str:
        """Name of the policy that made these weights, without its method's version."""
        return self.method.split("/", 1)[0]

    @property
    def default_cell(self) -> str | None:
        """The cell of a caller who names none; ``None`` where every caller has to name one."""
        return POOLED_CELL if POOLED_CELL in self.cells else None

    def draw(self, cell: str, unit: bytes) -> list[Draw]:
        """Assign a unit in every slot of a cell, exactly as `contract.assignment.assign` does.

        Parameters
        ----------
        cell
            Name of a cell of this snapshot.
        unit
            The unit id in UTF-8; the decision id where there is no unit.
        """
        return [
            slot.draw(bucket_in(self.salted, unit, index))
            for index, slot in enumerate(self.cells[cell])
        ]

    @cached_property
    def _texts(self) -> dict[str, tuple[bytes, bytes]]:
        return {}

    def texts(self, strategy: str) -> tuple[bytes, bytes]:
        """Render what decisions of this snapshot share, as JSON members: in answers, in records.

        Parameters
        ----------
        strategy
            The policy in force.
        """
        held = self._texts.get(strategy)
        if held is None:
            named = {"content_hash": self.content_hash, "strategy": strategy}
            answer = {"experiment_id": self.experiment, "weights_version": self.version, **named}
            record = {"experiment": self.experiment, "version": self.version, **named}
            held = self._texts[strategy] = (orjson.dumps(answer)[1:-1], orjson.dumps(record)[1:-1])
        return held

    @cached_property
    def effective_at(self) -> float:
        """When this version went live, as Unix time."""
        return self.effective_from.timestamp()

    @cached_property
    def tag(self) -> bytes:
        """The entity tag of the allocation."""
        return f'W/"v{self.version}-{self.content_hash[:16]}"'.encode()

    @cached_property
    def stale_tag(self) -> bytes:
        """The entity tag of the allocation while it is stale."""
        return f'W/"v{self.version}-{self.content_hash[:16]}-stale"'.encode()

    @cached_property
    def allocation_text(self) -> bytes:
        """The unchanging part of the allocation's answer as JSON, left open at its end."""
        return _allocation_text(self)

    @cached_property
    def arm_names(self) -> tuple[bytes, ...]:
        """Arm ids as JSON."""
        return tuple(orjson.dumps(arm) for arm in self.arms)

    @cached_property
    def arm_texts(self) -> dict[tuple[int, int], bytes]:
        """Rendered ``"arm_id":…,"propensity":…`` by arm and share, filled as draws occur."""
        return {}

    def arm_text(self, draw: Draw) -> bytes:
        """Render an arm and its propensity as JSON members, once per draw."""
        key = (draw.arm, draw.share)
        text = self.arm_texts.get(key)
        if text is None:
            text = b'"arm_id":%b,"propensity":%b' % (
                self.arm_names[draw.arm],
                orjson.dumps(draw.share / BUCKETS),
            )
            self.arm_texts[key] = text
        return text


def compile_snapshot(published: Published) -> Snapshot:
    """Compile a published snapshot."""
    content = published.content
    return Snapshot(
        experiment=content.experiment,
        version=published.version,
        content_hash=published.content_hash,
        parent=content.parent,
        revision=content.revision,
        batch=content.batch,
        statistics=content.statistics,
        method=content.method,
        provenance=published.provenance,
        effective_from=published.effective_from,
        arms=content.arms,
        cells={
            cell: tuple(CompiledSlot(slot, len(content.arms)) for slot in slots)
            for cell, slots in content.cells.items()
        },
        salted=unit_hasher(content.salt, content.experiment),
    )


def _allocation_text(snapshot: Snapshot) -> bytes:
    """Render the unchanging part of the answer, left open at its end."""
    slots = {
        cell: [_shares(snapshot.arms, slot, index) for index, slot in enumerate(slots)]
        for cell, slots in snapshot.cells.items()
    }
    chosen = slots[snapshot.default_cell or min(slots)]
    document: dict[str, Any] = {
        "experiment_id": snapshot.experiment,
        "version": snapshot.version,
        "content_hash": snapshot.content_hash,
        "batch": snapshot.batch,
        "strategy": snapshot.strategy,
        "arms": list(snapshot.arms),
        "buckets": chosen[0]["buckets"],
        "weights": chosen[0]["weights"],
    }
    if len(chosen) > 1:
        document["positions"] = chosen
    if len(slots) > 1 or snapshot.default_cell is None:
        document["cells"] = slots
    document["lineage"] = {
        "parent": snapshot.parent,
        "revision": snapshot.revision,
        "statistics": snapshot.statistics,
        "method": snapshot.method,
    }
    document["provenance"] = dict(snapshot.provenance)
    document["effective_from"] = snapshot.effective_from.isoformat()
    return json.dumps(document, separators=(",", ":"), allow_nan=False)[:-1].encode()


def _shares(arms: tuple[str, ...], slot: CompiledSlot, position: int) -> Mapping[str, Any]:
    buckets = dict(zip(arms, slot.buckets, strict=True))
    return {
        "position": position,
        "buckets": buckets,
        "weights": {arm: count / BUCKETS for arm, count in buckets.items()},
    }
