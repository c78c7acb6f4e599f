"""Custom guardrails: bounds of the reward, of counts, or of a declared metric in one batch."""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from include.bandit.guardrails import reward
from include.bandit.guardrails.result import Guardrail
from include.bandit.metrics.delta import Moments, of_mean
from include.bandit.metrics.effects import moments
from include.bandit.metrics.statistics import MetricStatistics
from include.bandit.statistics import ArmStatistics, Sums
from include.experiments.guardrails import BUILT_IN, CustomGuardrail
from include.experiments.schema import Experiment

if TYPE_CHECKING:
    from include.stores.reports.metrics import MetricRow
    from include.stores.reports.statistics import StatisticsRow

S = TypeVar("S", bound=Sums)


def custom_guardrails(
    experiment: Experiment, rows: "Sequence[StatisticsRow]", metrics: "Sequence[MetricRow]"
) -> list[Guardrail]:
    """Judge a batch by every custom guardrail, from its sums of the reward and of metrics."""
    return [
        reward.custom(
            name,
            one,
            _moments(experiment, one, rows, metrics),
            None if one.arm is None else experiment.arms.index(one.arm),
        )
        for name, one in sorted(experiment.guardrails.custom.items())
    ]


def _moments(
    experiment: Experiment,
    declared: CustomGuardrail,
    rows: "Sequence[StatisticsRow]",
    metrics: "Sequence[MetricRow]",
) -> Moments | None:
    """Return a metric's moments per arm: of one arm corrected, of all as they were drawn."""
    corrected = declared.arm is not None
    if declared.metric in BUILT_IN:
        rewards = _summed(ArmStatistics, experiment, rows, declared.position)
        return of_mean(rewards, corrected=corrected)
    own = [row for row in metrics if row.metric == declared.metric]
    if not own:
        return None
    sums = _summed(MetricStatistics, experiment, own, declared.position)
    return moments(sums, experiment.metrics[declared.metric].method, corrected=corrected)


def _summed(
    kind: type[S],
    experiment: Experiment,
    rows: "Sequence[StatisticsRow | MetricRow]",
    position: int,
) -> S:
    """Add up a batch's rows of one position, over versions and cells."""
    sums = kind.zeros((len(experiment.arms),))
    for row in (row for row in rows if row.position == position):
        for field in fields(kind):
            getattr(sums, field.name)[row.arm] += getattr(row, field.name)
    return sums
