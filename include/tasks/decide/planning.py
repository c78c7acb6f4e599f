"""Plan what was declared: its chance of a verdict, how long that may take, and a warning."""

import logging
from typing import TYPE_CHECKING, Final

from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.experiments import read
from include.stores.reports.plans import StoredPlan, insert_plan, unplanned

if TYPE_CHECKING:
    from include.bandit.planner import Plan

HORIZONS: Final = (28, 56, 84)
ENOUGH: Final = 0.8
WARN_BELOW: Final = 0.5
_RUNS: Final = 300
_SEED: Final = 20_260_110
# The simulation's name for a registered policy; others behave like none that it knows.
_SIMULATED: Final = {
    "thompson": "thompson",
    "top_two_thompson": "top_two",
    "epsilon_greedy": "epsilon_greedy",
    "ucb1": "ucb1",
    "kl_ucb": "kl_ucb",
    "uniform": "uniform",
}

_log = logging.getLogger(__name__)


def plan_declared(settings: Settings) -> dict[str, StoredPlan]:
    """Plan every declaration in force that was not planned yet, by file or API; log warnings.

    Returns
    -------
    dict
        Experiment to its new plan.
    """
    with transaction(settings) as connection:
        waiting = unplanned(connection)
        found = {slug: (read(connection, slug), number) for slug, number in waiting}
    plans: dict[str, StoredPlan] = {}
    for slug, (revision, number) in found.items():
        if revision.number != number:
            continue  # Changed meanwhile: the next run plans what is in force then.
        planned = plan_of(revision.experiment)
        with transaction(settings) as connection:
            insert_plan(connection, slug, number, planned)
        plans[slug] = planned
        if planned.warning:
            _log.warning("%s: %s", slug, planned.warning)
    return plans


def plan_of(experiment: Experiment) -> StoredPlan:
    """Return what to expect of a declaration; simulated where it says what it expects."""
    declared = experiment.verdict.maximum_days
    fallback = 28.0 if declared is None else declared
    if experiment.verdict.planned is None:
        return StoredPlan(fallback, None, None, None, "")
    if fault := _unplannable(experiment):
        return StoredPlan(fallback, None, None, None, f"its power is not known: {fault}")
    # Where even three times as long would not help, what 28 days say stands.
    horizons = [float(days) for days in HORIZONS] if declared is None else [declared]
    tried = {}
    for horizon in horizons:
        tried[horizon] = _simulated(experiment, horizon)
        if tried[horizon].power >= ENOUGH:
            break
    days = max(tried, key=lambda one: (tried[one].power >= ENOUGH, -one))
    found = tried[days]
    cadence = experiment.batch.total_seconds() / 86_400
    median = None if found.median_batches is None else found.median_batches * cadence
    return StoredPlan(days, found.power, found.power_error, median, _warning(found, days))


def _simulated(experiment: Experiment, days: float) -> "Plan":
    import numpy as np

    from include.bandit.planner import PlanRequest, plan
    from include.contract.limits import additive_floor

    planned = experiment.verdict.planned
    if planned is None:
        raise ValueError(f"experiment {experiment.slug!r} does not say what it expects")
    relative = planned.uplift or experiment.verdict.minimum_uplift
    arms = len(experiment.arms)
    request = PlanRequest(
        arms=arms,
        base_rate=planned.base_rate,
        uplift=planned.base_rate * relative,
        floor=additive_floor(experiment.limits, arms),
        traffic=planned.traffic,
        batches=max(1, round(days * 86_400 / experiment.batch.total_seconds())),
        policy=_SIMULATED[experiment.policy.name],
        # As `conclude` shares it between arm − control and best − rest.
        alpha=0.025 if experiment.control is not None and arms > 2 else 0.05,
    )
    return plan(request, np.random.default_rng(_SEED), _RUNS)


def _unplannable(experiment: Experiment) -> str:
    planned = experiment.verdict.planned
    relative = 0.0 if planned is None else planned.uplift or experiment.verdict.minimum_uplift
    if experiment.reward.kind != "bernoulli":
        return f"the planner simulates 0/1 rewards, not {experiment.reward.kind!r}"
    if experiment.policy.name not in _SIMULATED:
        return f"the planner does not simulate policy {experiment.policy.name!r}"
    if len(experiment.arms) > 50:
        return f"the planner simulates at most 50 arms, not {len(experiment.arms)}"
    if planned is not None and planned.base_rate * (1 + relative) >= 1:
        return "base rate and uplift together exceed 1"
    batches = HORIZONS[-1] * 86_400 / experiment.batch.total_seconds()
    if batches > 2_000:
        return "its batches are too short to simulate 84 days of them"
    return ""


def _warning(found: "Plan", days: float) -> str:
    if found.power >= WARN_BELOW:
        return ""
    return (
        f"the planner gives {found.power:.0%} (± {found.power_error:.0%}) power by day {days:g}: "
        "it will more likely end without a verdict. Plan more days, more traffic, fewer arms, "
        "a higher floor or a larger uplift"
    )
