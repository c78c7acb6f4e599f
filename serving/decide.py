"""Decisions: a unit's arm in every slot, with its exact propensity."""

import random
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from include.contract.lifecycle import Flag
from include.contract.records import derived_id, time_ordered_id, value_fault
from include.contract.weights import BUCKETS
from serving.answers import Problem, unprocessable
from serving.slots import Draw
from serving.snapshot import Snapshot
from serving.terms import Terms

# Seeded by the operating system in every process; ids are to be unique, not secret.
_identities = random.Random()  # noqa: S311

_NO_CONTEXT: dict[str, Any] = {}


class Asked(NamedTuple):
    """Whom to decide for.

    Attributes
    ----------
    unit
        Unit id, or ``None``: then the decision itself is the unit.
    cell
        Context cell; ``None``: that of the context.
    context
        What is known of the moment; ``None``: nothing.
    request_id
        The caller's name for the request, from which the decision's id then derives.
    forced
        Arms to answer, one per position, instead of a draw; ``None``: draw.
    """

    unit: str | None = None
    cell: str | None = None
    context: Mapping[str, Any] | None = None
    request_id: str | None = None
    forced: list[int] | None = None


class Decision(NamedTuple):
    """What was decided, and all that is needed to recompute it.

    Attributes
    ----------
    decision_id
        Its name; also the unit where the caller has none.
    snapshot
        The weights from which it was drawn.
    strategy
        The policy in force.
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
    covariates
        Declared numbers of the context, the only part of it that is kept.
    """

    decision_id: str
    snapshot: Snapshot
    strategy: str
    unit: str | None
    cell: str
    draws: list[Draw]
    decided_us: int
    request_id: str | None = None
    flag: Flag | None = None
    covariates: Mapping[str, float] | None = None


def decide(snapshot: Snapshot, terms: Terms, asked: Asked) -> Decision:
    """Draw a unit's arms, or answer the default ones where the terms let nothing be drawn.

    Parameters
    ----------
    snapshot
        Live weights.
    terms
        The experiment's state, and who takes part.
    asked
        Whom to decide for.

    Raises
    ------
    Problem
        422 if the snapshot has no such cell, or a declared covariate is no number; 410 if the
        experiment is archived.
    """
    if terms.state == "archived":
        raise _gone(snapshot.experiment)
    cell = _cell(snapshot, terms, asked)
    name, now = _identity(snapshot, asked.request_id)
    drawn_by = name if asked.unit is None else asked.unit
    flag: Flag | None = None
    arms = asked.forced
    if arms is not None:
        flag = "forced"
    elif not terms.draws:
        flag = terms.flag(snapshot.experiment, drawn_by, asked.context or _NO_CONTEXT)
        if flag is not None:
            arms = terms.default_arms(snapshot.arms, len(snapshot.cells[cell]))
    if arms is None:
        draws = snapshot.draw(cell, drawn_by.encode("utf-8"))
    else:
        draws = [Draw(arm, BUCKETS, -1) for arm in arms]
    strategy = terms.strategy or snapshot.strategy
    known = _covariates(terms, asked.context) if asked.context and terms.covariates else None
    request = asked.request_id
    return Decision(
        name, snapshot, strategy, asked.unit, cell, draws, now, request, flag, known or None
    )


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


def _cell(snapshot: Snapshot, terms: Terms, asked: Asked) -> str:
    if asked.cell is not None or not asked.context or not terms.cells:
        return cell_of(snapshot, asked.cell)
    matching = terms.cell_of(asked.context)
    # A cell that is declared but not yet in the weights is served by the pooled one.
    return matching if matching in snapshot.cells else cell_of(snapshot, None)


def _covariates(terms: Terms, context: Mapping[str, Any]) -> dict[str, float]:
    given = {name: context.get(name) for name in terms.covariates}
    for name, value in given.items():
        if value is not None and (fault := value_fault(value)) is not None:
            raise unprocessable(f"context.{name}", f"is a declared covariate and {fault}")
    return {name: value for name, value in given.items() if value is not None}


def _gone(experiment: str) -> Problem:
    detail = f"experiment {experiment!r} is archived; it decides no more"
    return Problem(410, "experiment-archived", detail, field="experiment_id")


def _identity(snapshot: Snapshot, request_id: str | None) -> tuple[str, int]:
    now = time.time_ns()
    if request_id is None:
        return time_ordered_id(now, _identities.getrandbits(62)), now // 1000
    return derived_id(snapshot.experiment, request_id), now // 1000
