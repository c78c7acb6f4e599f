"""Estimates as report rows."""

from collections.abc import Iterable

import numpy as np

from include.contract.canonical import Json
from include.tasks.evaluation.values import PolicyEstimate

Row = dict[str, Json]


def value_rows(estimates: Iterable[PolicyEstimate]) -> list[Row]:
    """Return one row per estimate and interval."""
    return [
        {
            **_key(one),
            "interval_method": interval.method,
            "basis": one.basis,
            "first_batch": one.first_batch,
            "last_batch": one.last_batch,
            "n": one.estimate.n,
            "value": one.estimate.value,
            "variance": one.estimate.variance,
            "level": interval.level,
            "lo": interval.lower,
            "hi": interval.upper,
            "hyper_parameters": {
                name: _finite(value) for name, value in one.estimate.parameters.items()
            },
        }
        for one in estimates
        for interval in one.estimate.intervals
    ]


def diagnostic_rows(estimates: Iterable[PolicyEstimate]) -> list[Row]:
    """Return one row per estimate."""
    rows: list[Row] = []
    for one in estimates:
        found = one.estimate.diagnostics
        rows.append(
            {
                **_key(one),
                "n": found.n,
                "effective_sample_size": found.effective_sample_size,
                "effective_rewards": found.effective_rewards,
                "largest_weight": found.largest_weight,
                "mean_weight": found.mean_weight,
                "mean_weight_error": found.mean_weight_error,
                "mass_without_support": min(found.mass_without_support, 1.0),
                "disagreement": found.disagreement,
                "verdict": one.estimate.verdict,
                "reasons": "; ".join(one.estimate.reasons),
            }
        )
    return rows


def _key(one: PolicyEstimate) -> Row:
    return {
        "log": one.log,
        "evaluation_policy": one.policy,
        "position": one.position,
        "estimator": one.estimate.estimator,
    }


def _finite(value: float | str) -> Json:
    # JSON has no infinity, which λ of an estimator that shrinks nothing is.
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
