"""Explain an allocation: from the core's result to the rows that a person reads later."""

from collections.abc import Iterator

from include.bandit.statistics import ArmStatistics
from include.bandit.trail import Allocation, AllocationResult
from include.contract.canonical import Json
from include.contract.weights import BUCKETS
from include.experiments.schema import Experiment
from include.stores.reports.trail import ArmTrail, Belief, Trail, applied_policy
from include.tasks.update_steps import Step


def explain(
    experiment: Experiment,
    step: Step,
    statistics: dict[str, ArmStatistics],
    result: AllocationResult,
) -> Trail:
    """Return the whole trail of a version."""
    return Trail(
        reason=step.reason,
        held=result.held,
        explanation=" ".join(
            (
                _occasion(step, statistics),
                *_beside(experiment, step),
                _move(result),
                f"Shares: {result.explanation}.",
            )
        ),
        restated=step.restated,
        policy=applied_policy(experiment),
        slots=[_slot(part) for part in result.allocations],
        arms=[row for part in result.allocations for row in _arms(result.arms, part)],
    )


def _occasion(step: Step, statistics: dict[str, ArmStatistics]) -> str:
    if step.reason == "revision":
        return "Another revision of the experiment is in force."
    if step.reason == "ramp":
        return "The challenger's share of the traffic changed."
    if step.reason == "restatement":
        return f"Changed or late: {', '.join(step.restated)}; published versions stay as they were."
    seen = sum(int(sums.n[-1].sum()) for sums in statistics.values())
    rewards = sum(float(sums.sum_r[-1].sum()) for sums in statistics.values())
    return f"Batch {step.batch} closed with {seen:,} observations and a reward sum of {rewards:g}."


def _beside(experiment: Experiment, step: Step) -> Iterator[str]:
    """Say which challenger stands beside the version, and how much of it follows it."""
    if step.shadow is not None and experiment.challenger is not None:
        name, share = experiment.challenger.name, step.shadow.share
        yield f"Ramp: λ = {share:g} for {name}." if share > 0 else f"In the shadow: {name}."


def _move(result: AllocationResult) -> str:
    """Name the largest move against what was live; ties go to the first slot and arm."""
    moves = [
        (abs(new - old), part, arm, old, new)
        for part in result.allocations
        for arm, (old, new) in enumerate(zip(part.live, part.buckets, strict=True))
        if old is not None
    ]
    if not moves or max(move[0] for move in moves) == 0:
        return "No share moved."
    _, part, arm, old, new = max(moves, key=lambda move: move[0])
    where = f"slot {part.slot}" if part.cell == "*" else f"cell {part.cell}, slot {part.slot}"
    return (
        f"Largest move: {result.arms[arm]} in {where}, {old / BUCKETS:.2%} to {new / BUCKETS:.2%}."
    )


def _slot(part: Allocation) -> dict[str, Json]:
    steps: list[Json] = [
        {"limit": step.limit, "explanation": step.explanation} for step in part.steps
    ]
    return {
        "cell": part.cell,
        "slot": part.slot,
        "reason": part.reason,
        "held": part.held,
        "steps": steps,
    }


def _arms(arms: tuple[str, ...], part: Allocation) -> Iterator[ArmTrail]:
    for arm, arm_id in enumerate(arms):
        belief = Belief(
            n=part.n[arm],
            sum_r=part.sum_r[arm],
            family=part.family,
            parameters={name: values[arm] for name, values in part.parameters.items()},
            mean=part.mean[arm],
            sd=part.sd[arm],
        )
        limits: list[dict[str, Json]] = [
            {"limit": step.limit, "share": step.shares[arm]} for step in part.steps
        ]
        yield ArmTrail(
            cell=part.cell,
            slot=part.slot,
            arm=arm,
            arm_id=arm_id,
            belief=belief,
            best_probability=part.best_probability[arm],
            proposed=part.proposed[arm],
            limits=limits,
            live_buckets=part.live[arm],
            buckets=part.buckets[arm],
        )
