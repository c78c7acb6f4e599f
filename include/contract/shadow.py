"""The shadow of a weights version: what incumbent and challenger would each have published.

It is written in the transaction of its version and names it by hash, so that a challenger's
shares for the decisions of a version are frozen before the first of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from include.contract.canonical import Json, canonical_json, content_hash
from include.contract.weights import POOLED_CELL

SCHEMA: Final = "allot.shadow/1"
# Cell → slot → buckets per arm, summing to 10,000.
Cells = Mapping[str, tuple[tuple[int, ...], ...]]
Side = Literal["incumbent", "challenger"]


@dataclass(frozen=True, slots=True)
class ShadowContent:
    """The hashed content of a shadow.

    Attributes
    ----------
    experiment
        Slug.
    weights
        Content hash of the version whose shadow this is.
    since
        Revision with which this challenger stood against this incumbent first.
    policy
        The challenger as declared.
    share
        Part of the version that follows the challenger: 0 in the shadow, above 0 on the ramp.
    methods
        Method of the incumbent and of the challenger.
    incumbent, challenger
        Their own buckets per cell, slot and arm.
    """

    experiment: str
    weights: str
    since: int
    policy: Mapping[str, Json]
    share: float
    methods: tuple[str, str]
    incumbent: Cells
    challenger: Cells

    def as_json(self) -> dict[str, Json]:
        """Return the content as a JSON object."""
        return {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "weights": self.weights,
            "since": self.since,
            "policy": dict(self.policy),
            "share": self.share,
            "methods": list(self.methods),
            "incumbent": _cells(self.incumbent),
            "challenger": _cells(self.challenger),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ShadowContent":
        """Read a content object written by `as_json`.

        Raises
        ------
        ValueError
            If the schema is another one.
        """
        if document.get("schema") != SCHEMA:
            raise ValueError(f"shadow schema {document.get('schema')!r} is not {SCHEMA!r}")
        return cls(
            experiment=document["experiment"],
            weights=document["weights"],
            since=document["since"],
            policy=document["policy"],
            share=float(document["share"]),
            methods=(document["methods"][0], document["methods"][1]),
            incumbent=_read(document["incumbent"]),
            challenger=_read(document["challenger"]),
        )

    def canonical(self) -> bytes:
        """Return the canonical bytes of the content."""
        return canonical_json(self.as_json())

    def hash(self) -> str:
        """Return the content hash, the shadow's name."""
        return content_hash(self.as_json())

    def buckets(self, side: Side, cell: str, slot: int) -> tuple[int, ...]:
        """Return one side's buckets per arm; an unknown cell is the pooled one."""
        cells = self.incumbent if side == "incumbent" else self.challenger
        return cells.get(cell, cells[POOLED_CELL])[slot]


def _cells(cells: Cells) -> dict[str, Json]:
    return {cell: [list(buckets) for buckets in slots] for cell, slots in cells.items()}


def _read(document: Mapping[str, Any]) -> dict[str, tuple[tuple[int, ...], ...]]:
    return {cell: tuple(tuple(slot) for slot in slots) for cell, slots in document.items()}
