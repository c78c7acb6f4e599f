"""Erase a unit from an experiment's log; its pseudonyms in the lake lead nowhere afterwards."""

import logging
from typing import TypedDict

from include.contract.records import unit_fault
from include.errors import ErasureError
from include.settings import Settings
from include.stores.reports.erasure import erase_from
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)


class ErasedRow(TypedDict):
    """What was erased of one experiment; a row of the task's log."""

    experiment: str
    number: int
    decisions: int
    rewards: int
    superseded: int


def chosen_experiments(known: list[str], wanted: list[str]) -> list[str]:
    """Return the experiments to erase from: those that were named, or all.

    Raises
    ------
    ErasureError
        If one that was named does not exist; nothing is erased then.
    """
    missing = sorted(set(wanted) - set(known))
    if missing:
        raise ErasureError(f"there is no experiment {', '.join(missing)}; there are {known}")
    return sorted(wanted) or known


def erase_unit(
    settings: Settings, experiment: str, unit: str, *, requested_by: str, reason: str
) -> ErasedRow:
    """Erase a unit from an experiment's log, with a record that does not name it.

    Neither the log of this step nor an error names it either.

    Raises
    ------
    ErasureError
        If that text cannot be a unit, or an export to the lake is under way.
    """
    fault = unit_fault(unit)
    if fault is not None:
        raise ErasureError(f"the unit {fault}")
    if unit in reason or unit in requested_by:
        raise ErasureError("reason and requester are kept for ever: they must not hold the unit")
    done = erase_from(settings, experiment, unit, requested_by=requested_by, reason=reason)
    row = ErasedRow(
        experiment=done.experiment,
        number=done.number,
        decisions=done.decisions,
        rewards=done.rewards,
        superseded=done.superseded,
    )
    log_summary(_log, "erased", [row])
    return row
