"""Incumbent and challenger on the same sums, and the mixture of both that a ramp publishes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from include.bandit.allocation import allocate
from include.bandit.limiting import described
from include.bandit.live import Live
from include.bandit.statistics import ArmStatistics, FloatArray
from include.bandit.trail import Allocation, AllocationResult
from include.contract.limits import within_shift
from include.contract.rounding import round_shares
from include.contract.shadow import Cells, ShadowContent
from include.contract.weights import BUCKETS, WeightsContent
from include.experiments.schema import Experiment, Policy


@dataclass(frozen=True, slots=True)
class Mixed:
    """What is published, and what each side alone would have published.

    Attributes
    ----------
    result
        The allocation that is published.
    incumbent, challenger
        Each policy's own, under the same sums, prior, limits and live snapshot.
    policy, share
        The challenger, and λ.
    """

    result: AllocationResult
    incumbent: AllocationResult
    challenger: AllocationResult
    policy: Policy
    share: float

    def shadow(self, content: WeightsContent, since: int) -> ShadowContent:
        """Return the shadow of the version that publishes this.

        Parameters
        ----------
        content
            The version.
        since
            Revision with which the challenger stood against this incumbent first.
        """
        return ShadowContent(
            experiment=content.experiment,
            weights=content.hash(),
            since=since,
            policy=self.policy.model_dump(mode="json"),
            share=self.share,
            methods=(self.incumbent.method, self.challenger.method),
            incumbent=_cells(self.incumbent),
            challenger=_cells(self.challenger),
        )


def mixed(
    experiment: Experiment,
    statistics: Mapping[str, ArmStatistics],
    previous: WeightsContent | None,
    share: float,
) -> Mixed:
    """Allocate by both policies, and give the challenger its share of every cell and slot.

    Both sides respect every limit, hence so does (1 − λ)·incumbent + λ·challenger before it is
    rounded, and it is rounded within the same integer bounds. While λ > 0 the hold rule rests:
    it would take the live mixture for the incumbent's own wish, and creep towards the challenger.

    Parameters
    ----------
    experiment, statistics, previous
        As for `allocate`; the experiment has a challenger.
    share
        λ within [0, 1]; at 0 the incumbent is published as if there were no challenger.

    Raises
    ------
    ValueError
        If there is no challenger, or the share is none.
    ExperimentError
        As `allocate` does.
    """
    policy = experiment.challenger
    if policy is None:
        raise ValueError(f"experiment {experiment.slug!r} has no challenger")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"share {share} of the challenger is not within [0, 1]")
    declared = _restless(experiment) if share > 0 else experiment
    incumbent = allocate(declared, statistics, previous)
    against = declared.model_copy(update={"policy": policy})
    challenger = allocate(against, statistics, previous)
    if share == 0:
        return Mixed(incumbent, incumbent, challenger, policy, share)
    live = Live(experiment, previous)
    result = AllocationResult(
        # What the share is stands in the version's hashed content.
        method=f"{incumbent.method}+{challenger.method}@{share!r}",
        arms=experiment.arms,
        allocations=tuple(
            _mixture(ours, theirs, share, live)
            for ours, theirs in zip(incumbent.allocations, challenger.allocations, strict=True)
        ),
    )
    return Mixed(result, incumbent, challenger, policy, share)


def _cells(result: AllocationResult) -> Cells:
    names = dict.fromkeys(part.cell for part in result.allocations)
    return {
        name: tuple(part.buckets for part in result.allocations if part.cell == name)
        for name in names
    }


def _restless(experiment: Experiment) -> Experiment:
    limits = experiment.limits.model_copy(update={"hold_below": 0.0})
    return experiment.model_copy(update={"limits": limits})


def _mixture(ours: Allocation, theirs: Allocation, share: float, live: Live) -> Allocation:
    experiment = live.experiment
    before, after = _shares(ours), (1.0 - share) * _shares(ours) + share * _shares(theirs)
    bounds, now = experiment.bucket_bounds(), live.counts(ours.cell, ours.slot)
    if now is not None and experiment.limits.largest_shift < 1:
        shift = experiment.limits.largest_shift
        bounds, _ = within_shift(bounds, [count or 0 for count in now], shift)
    buckets = round_shares([float(value) for value in after], bounds)
    step = described("ramp", before, np.array(buckets) / BUCKETS, experiment.arms)
    return replace(
        ours,
        steps=(*ours.steps, step),
        buckets=buckets,
        ranges=live.ranges(ours.cell, ours.slot, buckets),
        reason=f"ramp: {share:.0%} of the challenger ({theirs.reason}), the rest {ours.reason}",
        held=False,
    )


def _shares(part: Allocation) -> FloatArray:
    return np.array(part.buckets, np.float64) / BUCKETS
