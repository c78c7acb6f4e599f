"""The allocation: from arm statistics to the buckets of the next batch, with every reason.

Pure: equal inputs give equal bytes. What arms are believed to be worth comes from
`include.bandit.beliefs`, what a policy proposes is limited in `include.bandit.limiting`,
and the answer is a `include.bandit.trail.AllocationResult`.
"""

from collections.abc import Mapping

import numpy as np

from include.bandit.beliefs import CellBelief, beliefs
from include.bandit.best_arm import best_arm_probabilities
from include.bandit.evidence import effective_memory
from include.bandit.limiting import apply_limits
from include.bandit.live import Live
from include.bandit.policies import Params, Policy, find, method_of
from include.bandit.statistics import ArmStatistics, FloatArray
from include.bandit.trail import Allocation, AllocationResult
from include.contract.weights import BUCKETS, WeightsContent
from include.errors import ExperimentError
from include.experiments.schema import Experiment


def allocate(
    experiment: Experiment,
    statistics: Mapping[str, ArmStatistics],
    previous: WeightsContent | None = None,
) -> AllocationResult:
    """Decide the buckets of the next batch, for every cell and slot.

    Parameters
    ----------
    experiment
        The declaration in force.
    statistics
        Context cell to sums of shape ``(B, P, K)``: batches in ``batch_id`` order, positions,
        arms, summed over weights versions. ``"*"`` holds the observations of no declared
        cell; a cell left out has none. B may be 0.
    previous
        The snapshot that is live; limits that look back, and nested ranges, look at it.

    Returns
    -------
    AllocationResult
        With `cells` for `WeightsContent`, `method`, and one trail per cell and slot.

    Raises
    ------
    ExperimentError
        If the policy is unknown, or its parameters do not fit.
    StatisticsError
        If the sums contradict the declaration.
    """
    policy, params = find(experiment.policy.name, experiment.policy.params)
    believed = beliefs(experiment, statistics)
    proposals = _propose(policy, params, believed)
    batches = next(iter(statistics.values())).n.shape[0] if statistics else 0
    worth = effective_memory(batches, experiment.memory)
    heard = f"{method_of(experiment.policy.name)} on {batches} batches (worth {worth:.4g})"
    live = Live(experiment, previous)
    return AllocationResult(
        method=method_of(experiment.policy.name),
        arms=experiment.arms,
        allocations=tuple(
            _allocate_slot(belief, slot, proposals[belief.cell][slot], live, heard)
            for belief in believed
            for slot in range(experiment.positions)
        ),
    )


def check(experiment: Experiment) -> None:
    """Refuse a declaration that no batch could ever be allocated by, by rehearsing without data.

    Raises
    ------
    ExperimentError
        If the policy is unknown, its parameters do not fit, or the prior contradicts the reward.
    """
    try:
        allocate(experiment, {})
    except ExperimentError as error:
        raise ExperimentError(f"experiment {experiment.slug!r}: {error}") from error


def _propose(policy: Policy, params: Params, believed: list[CellBelief]) -> dict[str, FloatArray]:
    """Return the proposed shares per cell, ``(P, K)``."""
    if policy.scope == "slate":
        return {part.cell: policy.propose(part.slate(), params) for part in believed}
    positions = range(believed[0].positions)
    if policy.scope == "context":
        slots = [policy.propose(CellBelief.across(believed, slot), params) for slot in positions]
        return {part.cell: np.stack([s[i] for s in slots]) for i, part in enumerate(believed)}
    return {
        part.cell: np.stack([policy.propose(part.slot(slot), params) for slot in positions])
        for part in believed
    }


def _allocate_slot(
    belief: CellBelief, slot: int, proposed: FloatArray, live: Live, heard: str
) -> Allocation:
    experiment = live.experiment
    waiting = belief.burn_in(slot)
    wanted = belief.default_shares if waiting else proposed
    before = live.counts(belief.cell, slot)
    steps, buckets = apply_limits(wanted, experiment, before)
    steady = not waiting and _steady(experiment, before, buckets)
    if steady and before is not None:
        buckets = tuple(count or 0 for count in before)
    held = f"held: no arm would move by more than {experiment.limits.hold_below:g}"
    if experiment.mode == "aa":
        # What the policy would do stands in the trail, up to its last step.
        steady, buckets = True, experiment.default_buckets()
        held = f"A/A: traffic stays as declared; {heard} would have moved it"
    evidence, posterior = belief.evidence[slot], belief.posteriors[slot]
    return Allocation(
        cell=belief.cell,
        slot=slot,
        n=_tuple(evidence.n),
        sum_r=_tuple(evidence.sum_r),
        family=posterior.family,
        parameters={name: _tuple(values) for name, values in posterior.params().items()},
        mean=_tuple(posterior.mean()),
        sd=_tuple(posterior.sd()),
        best_probability=_tuple(best_arm_probabilities(posterior)),
        proposed=_tuple(wanted / wanted.sum()),
        steps=steps,
        live=before if before is not None else (None,) * len(experiment.arms),
        buckets=buckets,
        ranges=live.ranges(belief.cell, slot, buckets),
        reason=held if steady else waiting or heard,
        held=bool(waiting) or steady,
    )


def _steady(
    experiment: Experiment, live: tuple[int | None, ...] | None, buckets: tuple[int, ...]
) -> bool:
    """Tell whether the hold rule keeps the live buckets: small moves, and limits still met."""
    known = [count for count in live or () if count is not None]
    if experiment.limits.hold_below <= 0 or len(known) < len(buckets) or sum(known) != BUCKETS:
        return False
    bounds = experiment.bucket_bounds()
    allowed = all(
        low <= now <= high for low, now, high in zip(bounds.lower, known, bounds.upper, strict=True)
    )
    move = max(abs(new - now) for new, now in zip(buckets, known, strict=True))
    return allowed and move <= experiment.limits.hold_below * BUCKETS + 1e-9


def _tuple(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
