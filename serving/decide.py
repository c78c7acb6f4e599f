"""Decisions: a unit's arm in every slot, its exact propensity, and the answer's bytes."""

import random
import time
from dataclasses import dataclass

import orjson

from include.contract.records import time_ordered_id
from serving.answers import unprocessable
from serving.slots import Draw
from serving.snapshot import Snapshot

# Seeded by the operating system in every process; ids are to be unique, not secret.
_identities = random.Random()  # noqa: S311


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
        Arm and share per position.
    """

    decision_id: str
    snapshot: Snapshot
    unit: str | None
    cell: str
    draws: list[Draw]


def new_id() -> str:
    """Return a fresh time-ordered decision id."""
    return time_ordered_id(time.time_ns(), _identities.getrandbits(62))


def decide(
    snapshot: Snapshot, unit: str | None, cell: str | None, decision_id: str | None = None
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
    decision_id
        Given where it derives from a request id.

    Raises
    ------
    Problem
        422 if the snapshot has no such cell.
    """
    chosen = cell_of(snapshot, cell)
    name = decision_id or new_id()
    drawn_by = name if unit is None else unit
    return Decision(name, snapshot, unit, chosen, snapshot.draw(chosen, drawn_by.encode("utf-8")))


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


def render(decision: Decision, *, stale: bool) -> bytes:
    """Render a decision as its JSON answer."""
    snapshot, draws = decision.snapshot, decision.draws
    return b'{"decision_id":"%b",%b,"unit_id":%b,%b%b%b,"stale":%b}' % (
        decision.decision_id.encode(),
        snapshot.decision_text,
        orjson.dumps(decision.unit),
        snapshot.arm_text(draws[0]),
        b"" if len(draws) == 1 else _slate(snapshot, draws),
        b""
        if decision.cell == snapshot.default_cell
        else b',"cell":' + orjson.dumps(decision.cell),
        b"true" if stale else b"false",
    )


def _slate(snapshot: Snapshot, draws: list[Draw]) -> bytes:
    return b',"slate":[%b]' % b",".join(
        b'{"position":%d,%b}' % (position, snapshot.arm_text(draw))
        for position, draw in enumerate(draws)
    )
