"""Decisions: a unit's arm in every slot, with its exact propensity."""

import random
import time
from dataclasses import dataclass
from typing import Literal

from include.contract.records import derived_id, time_ordered_id
from include.contract.weights import BUCKETS
from serving.answers import unprocessable
from serving.slots import Draw
from serving.snapshot import Snapshot

# Seeded by the operating system in every process; ids are to be unique, not secret.
_identities = random.Random()  # noqa: S311

Flag = Literal["forced", "paused", "stopped"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and all that is needed to recompute it.

    Attributes
    ----------
    decision_id
        Its name; also the unit where the caller has none.
    snapshot
        The weights from which it was drawn.
    unit
        The caller's unit id.
    cell
        The context cell.
    draws
        Arm, share and bucket per position.
    decided_us
        When, in microseconds of Unix time.
    request_id
        The caller's name for the request.
    flag
        Why nothing was drawn; such decisions never enter learning.
    """

    decision_id: str
    snapshot: Snapshot
    unit: str | None
    cell: str
    draws: list[Draw]
    decided_us: int
    request_id: str | None = None
    flag: Flag | None = None


def decide(
    snapshot: Snapshot, unit: str | None, cell: str | None, request_id: str | None = None
) -> Decision:
    """Draw a unit's arms.

    Parameters
    ----------
    snapshot
        Live weights.
    unit
        Unit id, or ``None``: then the decision itself is the unit.
    cell
        Context cell, or ``None`` for the experiment's pooled one.
    request_id
        The caller's name for the request, from which the decision's id then derives.

    Raises
    ------
    Problem
        422 if the snapshot has no such cell.
    """
    chosen = cell_of(snapshot, cell)
    name, now = _identity(snapshot, request_id)
    drawn_by = name if unit is None else unit
    draws = snapshot.draw(chosen, drawn_by.encode("utf-8"))
    return Decision(name, snapshot, unit, chosen, draws, now, request_id)


def settle(
    snapshot: Snapshot,
    unit: str | None,
    cell: str | None,
    request_id: str | None = None,
    *,
    arms: list[int],
    flag: Flag,
) -> Decision:
    """Decide without a draw: the given arms, one per position, with certainty and a flag.

    Raises
    ------
    Problem
        422 if the snapshot has no such cell.
    """
    chosen = cell_of(snapshot, cell)
    name, now = _identity(snapshot, request_id)
    draws = [Draw(arm, BUCKETS, -1) for arm in arms]
    return Decision(name, snapshot, unit, chosen, draws, now, request_id, flag)


def cell_of(snapshot: Snapshot, cell: str | None) -> str:
    """Return the cell to answer from.

    Raises
    ------
    Problem
        422 if it does not exist, or none was named where one has to be.
    """
    chosen = snapshot.default_cell if cell is None else cell
    if chosen is None or chosen not in snapshot.cells:
        raise unprocessable("cell", f"is to be one of: {', '.join(sorted(snapshot.cells)[:20])}")
    return chosen


def _identity(snapshot: Snapshot, request_id: str | None) -> tuple[str, int]:
    now = time.time_ns()
    if request_id is None:
        return time_ordered_id(now, _identities.getrandbits(62)), now // 1000
    return derived_id(snapshot.experiment, request_id), now // 1000
