"""Evaluate one policy on one log by several estimators."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from include.bandit.feedback import EvaluationPolicy, Feedback, RowPolicy
from include.bandit.ope.catalogue import NAMES, NEEDS_MODEL, REFERENCES, SHRUNK
from include.bandit.ope.diagnostics import EvaluationLimits, diagnose
from include.bandit.ope.estimate import Estimate
from include.bandit.ope.options import Options
from include.bandit.ope.run import Run
from include.bandit.ope.units import UnitRows, UnitSums
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.reward_model import RewardModel, cross_fit, cross_fit_sums
from include.bandit.statistics import ArmStatistics
from include.errors import EvaluationError


def evaluate(
    data: Feedback | ArmStatistics,
    policy: EvaluationPolicy,
    estimators: Sequence[str] | None = None,
    model: RewardModel | None = None,
    options: Options | None = None,
    *,
    units: UnitRows | None = None,
) -> list[Estimate]:
    """Estimate the value of a policy: "what if this policy had been fixed?".

    Parameters
    ----------
    data
        The log's rows in the order of time, or its sums of shape (P, K) or, for
        cross-fitting, (folds, P, K), as one fold per batch.
    policy
        Table of shape (P, K), or a `RowPolicy`.
    estimators
        Names from `NAMES`; by default all that the data allow (`applicable`).
    model
        Reward model; by default cross-fitted on the data.
    options
        Level, intervals, hyper-parameters, limits.
    units
        The rows behind sums, with the index of their fold, where units come again: variances
        are then summed over units, as those of rows with clusters are.

    Raises
    ------
    FeedbackError
        If the policy does not fit the log.
    EvaluationError
        If the policy never chooses an arm that was logged, or an estimator is not applicable.
    """
    options = options or Options()
    names = _checked(applicable(data, policy, model, options), estimators)
    if model is None and NEEDS_MODEL.intersection(names):
        model = cross_fit(data) if isinstance(data, Feedback) else cross_fit_sums(data)
    log = weighted(data, policy, model)
    if units is not None:
        if isinstance(log, Rows) or isinstance(policy, RowPolicy):
            raise EvaluationError("units stand behind sums; rows name theirs as cluster")
        log = UnitSums.of(log, policy, units)
    found = diagnose(log, data, policy)
    if found.mean_weight == 0.0:
        raise EvaluationError("the policy gives no mass to any logged row: its value is unknown")
    run = Run(data, policy, model, log, found, options)
    return list(with_verdicts([run.estimate(name) for name in names], options.limits))


def applicable(
    data: Feedback | ArmStatistics,
    policy: EvaluationPolicy,
    model: RewardModel | None,
    options: Options,
) -> tuple[str, ...]:
    """Return the names of the estimators that these data allow."""
    table = not isinstance(policy, RowPolicy)
    if isinstance(data, Feedback):
        rows = modelled = True
        uniform = data.uniform
    else:
        rows, uniform = False, options.uniform_log
        modelled = model is not None or (data.n.ndim == 3 and len(data.n) > 1)
    allowed = {
        "replay": table and uniform,
        "mips": table and options.groups is not None,
    }
    return tuple(
        name
        for name in NAMES
        if allowed.get(name, True)
        and (modelled or name not in NEEDS_MODEL)
        and (rows or name not in SHRUNK)
    )


def _checked(allowed: tuple[str, ...], asked: Sequence[str] | None) -> tuple[str, ...]:
    if asked is None:
        return allowed
    for name in asked:
        if name not in NAMES:
            raise EvaluationError(f"no estimator is called {name!r}; there are {', '.join(NAMES)}")
        if name not in allowed:
            raise EvaluationError(
                f"{name} is not possible here: replay needs rows of a uniform log, mips a policy "
                "table and groups, models rows or folds, and shrinking needs rows"
            )
    return tuple(asked)


def with_verdicts(estimates: Sequence[Estimate], limits: EvaluationLimits) -> Iterable[Estimate]:
    """Compare every estimate with the reference among them, and say whether it is usable."""
    by_name = {estimate.estimator: estimate for estimate in estimates}
    reference = next((by_name[name] for name in REFERENCES if name in by_name), None)
    for estimate in estimates:
        found = estimate.diagnostics
        if reference is not None and estimate is not reference:
            joint = np.sqrt(estimate.variance + reference.variance)
            apart = abs(estimate.value - reference.value)
            found = replace(found, disagreement=float(apart / joint) if joint > 0 else 0.0)
        reasons = limits.reasons(found)
        yield replace(
            estimate,
            diagnostics=found,
            verdict="unknown" if reasons else "usable",
            reasons=reasons,
        )
