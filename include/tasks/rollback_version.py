"""The version that a roll-back appends, with the trail that explains it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.contract.canonical import Json
from include.contract.published import Published
from include.contract.weights import BUCKETS, WeightsContent
from include.stores.reports import weights
from include.stores.reports.connection import Connection
from include.stores.reports.experiments import Revision
from include.stores.reports.trail import ArmTrail, Trail, applied_policy

if TYPE_CHECKING:
    from include.bandit.rollback import Target


def rollback_snapshot(
    connection: Connection,
    revision: Revision,
    live: Published,
    target: "Target",
    *,
    why: str,
    provenance: Mapping[str, Json],
) -> weights.NewSnapshot:
    """Return the version that brings a target's shares, ready to be appended to the live one.

    Parameters
    ----------
    connection
        An open transaction, only read from.
    revision
        Declaration in force.
    live
        The parent.
    target
        What comes back.
    why
        Stands in the explanation, in the words of whoever rolls back.
    provenance
        Kept beside the content.
    """
    from include.bandit.rollback import rolled_back

    content = rolled_back(revision.experiment, live.content, target.content)
    moment = datetime.now(UTC).isoformat(timespec="microseconds")
    told = f"Rolled back to {target.why}. {why}"
    return weights.NewSnapshot(
        content=content,
        version=live.version + 1,
        revision=revision.number,
        provenance={**provenance, "effective_from": moment, "reason": "rollback"},
        batches=weights.folded_batches(connection, revision.experiment.slug, live.version),
        trail=_trail(revision, live.content, content, told, target.restored),
    )


def _trail(
    revision: Revision,
    live: WeightsContent,
    content: WeightsContent,
    told: str,
    restored: int | None,
) -> Trail:
    from include.bandit.live import Live

    before = Live(revision.experiment, live)
    arms = [
        ArmTrail(
            *(cell, slot, arm, arm_id, None, None, buckets[arm] / BUCKETS),
            *((), was[arm] if was else None, buckets[arm]),
        )
        for cell, slots in content.cells.items()
        for slot in range(len(slots))
        for buckets, was in [(content.buckets(cell, slot), before.counts(cell, slot))]
        for arm, arm_id in enumerate(content.arms)
    ]
    return Trail(
        reason="rollback",
        held=True,
        explanation=told,
        restated=(),
        policy=applied_policy(revision.experiment),
        slots=(),
        arms=arms,
        restored=restored,
    )
