"""Rows of declared metrics: every arm's value, and its effect against the control."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from include.bandit.inference.family import Design
from include.bandit.metrics.effects import (
    LEAST_EFFECTIVE,
    MetricEffects,
    effective,
    effects,
    moments,
)
from include.bandit.metrics.statistics import MetricStatistics
from include.contract.canonical import Json
from include.experiments.metric import Metric
from include.experiments.schema import Experiment
from include.tasks.judge import SharesOf, laid_out
from include.tasks.judgement.rows import control_of, finite

if TYPE_CHECKING:
    from include.stores.reports.metrics import MetricRow

Row = dict[str, Json]


def metric_rows(
    experiment: Experiment,
    rows: "Sequence[tuple[str, Sequence[MetricRow]]]",
    shares: SharesOf,
    position: int,
    alpha: float,
) -> Iterator[Row]:
    """Yield one row per metric and arm of a position, as known at the newest look.

    Every metric spends α of its own, over its arms and looks: metrics inform and guard, and
    declare no winner.
    """
    for name, metric in sorted(experiment.metrics.items()):
        own = [(batch, [row for row in some if row.metric == name]) for batch, some in rows]
        found = laid_out(MetricStatistics, experiment, own, shares, position)
        if found is None:
            continue
        sums, table, *_ = found
        head: Row = {"position": position, "metric": name}
        rest = _of_metric(experiment, metric, sums, Design(shares=table), alpha)
        yield from (head | row for row in rest)


def _of_metric(
    experiment: Experiment,
    metric: Metric,
    sums: MetricStatistics,
    design: Design,
    alpha: float,
) -> Iterator[Row]:
    control, pooled = control_of(experiment), sums.pooled(-2)
    value, variance = moments(pooled, metric.method).values()
    judged = None
    if control is not None:
        judged = effects(sums, metric.method, control, design, alpha=alpha)
    counted = effective(pooled, metric.method)
    for arm, arm_id in enumerate(experiment.arms):
        known = np.isfinite(variance[arm])
        yield {
            "arm": arm_id,
            "method": metric.method,
            "cap": metric.cap,
            "higher_is_better": metric.higher_is_better,
            "observations": int(pooled.n[arm]),
            "capped": int(pooled.capped[arm]),
            "effective": float(counted[arm]),
            "value": float(value[arm]) if known else None,
            "standard_error": float(np.sqrt(variance[arm])) if known else None,
            **_effect(experiment, judged, metric, arm, counted.tolist()),
        }


def _effect(
    experiment: Experiment,
    judged: MetricEffects | None,
    metric: Metric,
    arm: int,
    counted: Sequence[float],
) -> Row:
    """Return what is known of an arm against the control; of the control itself nothing."""
    control = control_of(experiment)
    if judged is None or control is None or arm == control:
        absent = ("against", "estimate", "lo", "hi", "p_value", "fixed_estimate", "fixed_lo")
        return {
            **dict.fromkeys((*absent, "fixed_hi", "variance_reduction"), None),
            "answer": "none",
            "reason": "no control is declared" if control is None else "",
        }
    at = judged.fixed.pairs.index((arm, control))
    sequence, fixed = judged.family.weighted, judged.fixed
    answer = judged.answers(higher_is_better=metric.higher_is_better)[at]
    lo, fixed_lo = finite(sequence.lower[-1, at]), finite(fixed.lower[at])
    return {
        "against": experiment.arms[control],
        "answer": answer,
        "reason": _reason(experiment, counted, (arm, control)) if answer == "unknown" else "",
        "estimate": None if lo is None else float(sequence.estimate[-1, at]),
        "lo": lo,
        "hi": finite(sequence.upper[-1, at]),
        "p_value": float(sequence.p_value[-1, at]),
        "fixed_estimate": None if fixed_lo is None else float(fixed.estimate[at]),
        "fixed_lo": fixed_lo,
        "fixed_hi": finite(fixed.upper[at]),
        "variance_reduction": finite(judged.reduction[at]),
    }


def _reason(experiment: Experiment, counted: Sequence[float], pair: tuple[int, int]) -> str:
    for one in pair:
        if counted[one] < LEAST_EFFECTIVE:
            return (
                f"{experiment.arms[one]} has {counted[one]:.3g} effective observations of "
                f"{LEAST_EFFECTIVE:g} needed"
            )
    return "no batch yet that counts for both arms"
