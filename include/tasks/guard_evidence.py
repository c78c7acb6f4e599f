"""What guardrails judge a batch by: its sums and those before, shares, its log, the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from include.bandit.guardrails import api, log, reward, traffic
from include.bandit.guardrails.api import Answered
from include.bandit.guardrails.result import Guardrail
from include.contract.batches import batch_start
from include.contract.weights import BUCKETS, POOLED_CELL, WeightsContent
from include.experiments.schema import Experiment, OpenBanditSource
from include.stores.reports import guard_facts
from include.stores.reports.connection import Connection
from include.stores.reports.sums import BatchReference
from include.tasks.guard_custom import custom_guardrails
from include.tasks.judge import Strata, design_of, published_shares, strata

if TYPE_CHECKING:
    from include.contract.published import Published
    from include.stores.reports.metrics import MetricRow
    from include.stores.reports.statistics import StatisticsRow

# The API is judged over the last batch, but at least over an hour and at most over a day.
SHORTEST: Final = timedelta(hours=1)
LONGEST: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """An experiment as its guardrails see it.

    Attributes
    ----------
    experiment
        Declaration in force.
    closed
        Closed batches with their sums, in order.
    rows
        Their rows.
    chain
        Published versions, oldest first.
    released_through
        Batches up to here were accepted by a person: evidence over batches begins behind them.
    served
        What the API counted lately.
    metrics
        Sums of declared metrics by batch.
    """

    experiment: Experiment
    closed: Sequence[BatchReference]
    rows: "Mapping[str, Sequence[StatisticsRow]]"
    chain: "Sequence[Published]"
    released_through: str
    served: Answered
    metrics: "Mapping[str, Sequence[MetricRow]]" = field(default_factory=dict)


def served_lately(connection: Connection, experiment: Experiment, now: datetime) -> Answered:
    """Return what the API counted during the last batch, as far as that is worth judging."""
    length = min(max(experiment.batch, SHORTEST), LONGEST)
    return guard_facts.answered(connection, now - length, now)


def judge_batch(connection: Connection, case: Case, batch_id: str) -> list[Guardrail]:
    """Return what every guardrail says of a batch; reads, and writes nothing."""
    experiment, declared = case.experiment, case.experiment.guardrails
    shares = _shares(case, batch_id)
    found = _positions(case, batch_id)
    results = [
        api.error_rate(case.served, declared),
        api.latency(case.served, declared),
        traffic.concentration(shares, declared, burning_in=_burning_in(case, batch_id)),
        traffic.exploration(shares, declared),
        traffic.srm([(one.statistics.n, one.shares) for one in found.values()], experiment.arms),
        *_on_log(connection, experiment, batch_id),
        *_on_reward(case, found),
        *custom_guardrails(experiment, case.rows[batch_id], case.metrics.get(batch_id, ())),
    ]
    return [replace(one, critical=one.name in declared.critical) for one in results]


def _on_log(connection: Connection, experiment: Experiment, batch_id: str) -> list[Guardrail]:
    """Judge the log; its weights' age and its inbox only the API's own can tell.

    A foreign one was served by somebody else, and its objects are not cut by batch.
    """
    source = experiment.source
    if isinstance(source, OpenBanditSource):
        from include.bandit.open_bandit import source_of

        found = guard_facts.refused_in_source(
            connection, source_of(source.campaign), source.learn_from
        )
        return [log.refused_share(*found, experiment)]
    from include.expectations.decision_log import LEFT_OUT

    slug, start = experiment.slug, batch_start(batch_id)
    end = start + experiment.batch
    found = guard_facts.refused_in_log(connection, slug, batch_id, left_out=LEFT_OUT)
    rewards = guard_facts.rewards_occurred(connection, slug, start, end)
    return [
        log.refused_share(
            *found, experiment, impossible=rewards.impossible, received=rewards.received
        ),
        log.snapshot_age(guard_facts.age_at(connection, slug, end), experiment),
        log.inbox(rewards.waiting, rewards.received, experiment),
    ]


def _on_reward(case: Case, found: Mapping[int, Strata]) -> list[Guardrail]:
    """Judge the loss against the control, where one is declared."""
    experiment = case.experiment
    if experiment.control is None:
        return []
    live = case.chain[-1].content
    positions = [
        reward.Rewarded(one.statistics, design_of(experiment, one), np.array(row))
        for at, one in found.items()
        for row in [_padded(live, POOLED_CELL, at, len(experiment.arms))]
    ]
    control = experiment.arms.index(experiment.control)
    return [reward.reward_drop(positions, control, experiment.arms, experiment.guardrails)]


def _positions(case: Case, batch_id: str) -> dict[int, Strata]:
    """Return the evidence up to a batch, behind the last release, by position."""
    rows = [
        (batch, some)
        for batch, some in case.rows.items()
        if case.released_through < batch <= batch_id
    ]
    shares = published_shares(case.experiment, case.chain)
    found = {
        position: strata(case.experiment, rows, shares, position)
        for position in range(case.experiment.positions)
    }
    return {position: one for position, one in found.items() if one is not None}


def _shares(case: Case, batch_id: str) -> dict[str, list[float]]:
    """Return the shares of the live version and of those that decided in the batch, by slot."""
    decided = {row.version for row in case.rows[batch_id]}
    return {
        f"v{one.version}, cell {cell}, slot {slot}": _padded(
            one.content, cell, slot, len(case.experiment.arms)
        )
        for one in case.chain
        if one is case.chain[-1] or f"v{one.version}" in decided
        for cell, slots in one.content.cells.items()
        for slot in range(len(slots))
    }


def _padded(content: WeightsContent, cell: str, slot: int, arms: int) -> list[float]:
    """Return a slot's shares; an arm that was added later had none."""
    found = [count / BUCKETS for count in content.buckets(cell, slot)]
    return found + [0.0] * (arms - len(found))


def _burning_in(case: Case, batch_id: str) -> bool:
    """Tell whether little is known yet: declared batches, decisions and rewards per arm."""
    experiment, limits = case.experiment, case.experiment.limits
    so_far = [batch.batch_id for batch in case.closed if batch.batch_id <= batch_id]
    if len(so_far) <= experiment.guardrails.burn_in_batches:
        return True
    seen, rewarded = np.zeros(len(experiment.arms)), np.zeros(len(experiment.arms))
    for row in (row for batch in so_far for row in case.rows[batch]):
        seen[row.arm] += row.n
        rewarded[row.arm] += row.sum_r
    return bool(seen.min() < limits.burn_in_decisions or rewarded.min() < limits.burn_in_rewards)
