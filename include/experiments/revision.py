"""Rules about changing an experiment: what differs, what is fixed once decisions were made."""

from typing import Any, Final

from include.contract.weights import (
    POOLED_CELL,
    WeightsContent,
    contiguous_slot,
    derive_salt,
)
from include.errors import ExperimentConflictError
from include.experiments.schema import Experiment

DEFAULT_METHOD: Final = "default/1"
# Changing one of these would make earlier statistics mean something else.
FIXED: Final = ("reward", "exposure", "unit", "control", "source", "batch", "positions")


def version_zero(experiment: Experiment) -> WeightsContent:
    """Return weights version 0: the declared default shares in every cell and slot.

    Its parent is the revision hash, so that the chain starts at the declaration.
    """
    revision = experiment.revision_hash()
    slots = (contiguous_slot(experiment.default_buckets()),) * experiment.positions
    return WeightsContent(
        experiment=experiment.slug,
        revision=revision,
        parent=revision,
        batch=None,
        statistics=None,
        method=DEFAULT_METHOD,
        salt=derive_salt(experiment.assignment, experiment.slug, revision, revision, None),
        arms=experiment.arms,
        cells=dict.fromkeys([POOLED_CELL, *experiment.cells], slots),
    )


def differences(in_force: dict[str, Any], submitted: dict[str, Any]) -> list[str]:
    """Return what differs between two documents, a line per field, for a person."""
    before, after = _flat(in_force), _flat(submitted)
    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            lines.append(f"{name}: in force {_short(old)}, submitted {_short(new)}")
    return lines


def refuse_fixed_changes(in_force: Experiment, submitted: Experiment) -> None:
    """Refuse changes that would give another meaning to decisions already made.

    Reward, exposure, unit, control, source, cadence and positions are fixed; arms may only be
    added at the end, since decisions name them by index. Metrics may be added, and stay.

    Raises
    ------
    ExperimentConflictError
        With the difference.
    """
    old, new = in_force.document(), submitted.document()
    changed = [name for name in FIXED if old.get(name) != new.get(name)]
    if new["arms"][: len(old["arms"])] != old["arms"]:
        changed.append("arms")
    # What is known of a metric may have been looked at: a cap chosen then would be no cap declared.
    if not old.get("metrics", {}).items() <= new.get("metrics", {}).items():
        changed.append("metrics")
    if changed:
        lines = [
            line for line in differences(old, new) if line.split(":")[0].split(".")[0] in changed
        ]
        raise ExperimentConflictError(
            f"experiment {submitted.slug!r} has decisions; {', '.join(changed)} can no longer "
            "change (arms may only be added at the end). Declare a new experiment under another "
            "slug instead.\n  " + "\n  ".join(lines)
        )


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:  # noqa: ANN401 — a JSON value
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, part in value.items():
        flat |= _flat(part, f"{prefix}.{key}" if prefix else key)
    return flat


def _short(value: Any) -> str:  # noqa: ANN401 — a JSON value
    if isinstance(value, list) and len(value) > 6:
        return f"[{', '.join(map(str, value[:3]))}, …, {value[-1]}] ({len(value)})"
    return "nothing" if value is None else repr(value)
