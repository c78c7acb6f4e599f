"""Why a version has these shares: reason, posterior, every limit and the buckets, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.contract.weights import WeightsContent
from include.experiments.schema import Experiment
from include.stores.reports.connection import Connection

Reason = Literal["created", "batch", "restatement", "revision", "rollback", "ramp"]


@dataclass(frozen=True, slots=True)
class Belief:
    """Posterior of one arm; sums are those that were folded, after memory."""

    n: float
    sum_r: float
    family: str
    parameters: Mapping[str, float]
    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class ArmTrail:
    """How one arm of one cell and slot came to its buckets.

    Attributes
    ----------
    belief
        Posterior; ``None`` for version 0 and policies without one.
    best_probability
        P(arm is best); ``None`` where the policy has none.
    proposed
        Share that the policy asked for.
    limits
        What each limit did, in order, as JSON objects with ``limit`` and ``share``.
    live_buckets
        Buckets in the version that was live; ``None`` for a new arm.
    buckets
        Buckets of 10,000 in this version.
    """

    cell: str
    slot: int
    arm: int
    arm_id: str
    belief: Belief | None
    best_probability: float | None
    proposed: float
    limits: Sequence[Mapping[str, Json]]
    live_buckets: int | None
    buckets: int


@dataclass(frozen=True, slots=True)
class Trail:
    """The whole explanation of one version.

    Attributes
    ----------
    reason, explanation
        Why there is this version, as a word and in sentences.
    held
        Whether burn-in or the hold rule kept the policy from being heard in every slot.
    restated
        Batches up to the parent's newest whose sums changed or that came late.
    policy
        What was declared about policy, prior, memory and limits.
    slots
        Per cell and slot what each limit did, in words.
    arms
        Per cell, slot and arm the numbers.
    restored
        Of a roll-back, the version whose buckets came back; ``None``: the declared default.
    """

    reason: Reason
    held: bool
    explanation: str
    restated: Sequence[str]
    policy: Mapping[str, Json]
    slots: Sequence[Mapping[str, Json]]
    arms: Sequence[ArmTrail]
    restored: int | None = None


def applied_policy(experiment: Experiment) -> dict[str, Json]:
    """Return what was declared about policy, prior, memory and limits, as JSON."""
    document = experiment.document()
    return {name: document[name] for name in ("policy", "prior", "memory", "limits", "assignment")}


def default_trail(experiment: Experiment, content: WeightsContent) -> Trail:
    """Explain version 0: the declared default shares, or uniform."""
    declared = experiment.default_shares
    shares = declared or dict.fromkeys(experiment.arms, 1 / len(experiment.arms))
    arms = [
        ArmTrail(
            cell, slot, arm, arm_id, None, None, shares.get(arm_id, 0.0), (), None, counts[arm]
        )
        for cell, slots in content.cells.items()
        for slot in range(len(slots))
        for counts in [content.buckets(cell, slot)]
        for arm, arm_id in enumerate(content.arms)
    ]
    source = "uniform over all arms" if declared is None else "the declared default_shares"
    explanation = f"Experiment created; version 0 is {source}."
    return Trail(
        reason="created",
        held=False,
        explanation=explanation,
        restated=(),
        policy=applied_policy(experiment),
        slots=(),
        arms=arms,
    )


def insert_trail(connection: Connection, experiment: str, version: int, trail: Trail) -> None:
    """Write the explanation of a version, in the transaction that publishes it."""
    connection.execute(
        "insert into allot.allocation_event (experiment, version, reason, held, explanation,"
        " restated, policy, slots, restored) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            experiment,
            version,
            trail.reason,
            trail.held,
            trail.explanation,
            list(trail.restated),
            Jsonb(trail.policy),
            Jsonb(list(trail.slots)),
            trail.restored,
        ),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into allot.posterior_snapshot (experiment, version, cell, slot, arm, arm_id, n,"
            " sum_r, family, parameters, mean, sd)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(experiment, version, *row) for row in _beliefs(trail)],
        )
        cursor.executemany(
            "insert into allot.allocation (experiment, version, cell, slot, arm, arm_id,"
            " best_probability, proposed, limits, live_buckets, buckets)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [(experiment, version, *row) for row in _allocations(trail)],
        )


def _beliefs(trail: Trail) -> Iterator[tuple[object, ...]]:
    for row in trail.arms:
        if (belief := row.belief) is not None:
            yield (
                *(row.cell, row.slot, row.arm, row.arm_id),
                *(belief.n, belief.sum_r, belief.family, Jsonb(belief.parameters)),
                *(belief.mean, belief.sd),
            )


def _allocations(trail: Trail) -> Iterator[tuple[object, ...]]:
    for row in trail.arms:
        yield (
            *(row.cell, row.slot, row.arm, row.arm_id, row.best_probability, row.proposed),
            *(Jsonb(list(row.limits)), row.live_buckets, row.buckets),
        )
