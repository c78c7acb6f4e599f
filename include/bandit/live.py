"""What was live: the previous snapshot, seen through the arms of the experiment in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from include.contract.weights import (
    POOLED_CELL,
    Slot,
    WeightsContent,
    contiguous_slot,
    nested_slot,
)
from include.experiments.schema import Experiment


@dataclass(frozen=True, slots=True)
class Live:
    """The snapshot that limits look back at; arms are matched by id, not by index."""

    experiment: Experiment
    previous: WeightsContent | None

    def counts(self, cell: str, slot: int) -> tuple[int | None, ...] | None:
        """Return the live buckets per arm, ``None`` for a new arm, or for all: no snapshot."""
        before = self._slot(cell, slot)
        if self.previous is None or before is None:
            return None
        held = dict.fromkeys(self.previous.arms, 0)
        for start, stop, arm in before:
            held[self.previous.arms[arm]] += stop - start
        return tuple(held.get(arm) for arm in self.experiment.arms)

    def ranges(self, cell: str, slot: int, buckets: Sequence[int]) -> Slot:
        """Return where the buckets lie: under ``nested``, moved as little as possible."""
        before = self._slot(cell, slot)
        if self.previous is None or before is None or self.experiment.assignment == "rerandomise":
            return contiguous_slot(buckets)
        # Arms that a revision took away stand behind the others and give up all they hold.
        names = list(dict.fromkeys([*self.experiment.arms, *self.previous.arms]))
        index = {name: position for position, name in enumerate(names)}
        renamed = tuple((a, b, index[self.previous.arms[arm]]) for a, b, arm in before)
        return nested_slot(renamed, [*buckets, *[0] * (len(names) - len(buckets))])

    def _slot(self, cell: str, slot: int) -> Slot | None:
        # A cell that is new was served by the pooled one until now.
        for name in (cell, POOLED_CELL):
            slots = self.previous.cells.get(name, ()) if self.previous else ()
            if slot < len(slots):
                return slots[slot]
        return None
