"""Plan an experiment before it starts: what each floor buys, and what it costs."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from include.contract.canonical import Json, content_hash
from include.errors import SimulationError
from include.settings import Settings
from include.tasks.plan_request import PlanForm
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    from include.stores.tracking import TrackedRun
    from include.stores.tracking_content import RunContent

EXPERIMENT: Final = "plans"
KIND: Final = "plan"
METHOD: Final = "plan/1"

Row = dict[str, Json]

_log = logging.getLogger(__name__)


def trade_table(form: PlanForm) -> list[Row]:
    """Simulate the planned experiment at every floor; one row each, all simulated.

    Every floor meets the same seed, so that rows differ by the floor.

    Raises
    ------
    SimulationError
        If there is no such policy.
    """
    import numpy as np

    from include.bandit.planner import PlanRequest, plan

    # As `conclude` shares it between arm − control and best − rest.
    alpha = form.alpha / 2.0 if form.control and form.arms > 2 else form.alpha
    rows: list[Row] = []
    for floor in form.possible_floors():
        try:
            request = PlanRequest(
                arms=form.arms,
                base_rate=form.base_rate,
                uplift=form.base_rate * form.minimum_uplift,
                floor=floor,
                traffic=form.traffic_per_day,
                batches=form.max_days,
                policy=form.policy,
                alpha=alpha,
            )
            found = plan(request, np.random.default_rng(form.seed), form.replications)
        except ValueError as error:
            raise SimulationError(f"plan: {error}") from error
        rows.append(
            {
                "floor": floor,
                "power": found.power,
                "power_error": found.power_error,
                "median_days": found.median_batches,
                "expected_days": found.expected_batches,
                "regret": found.regret,
                "uniform_power": found.uniform_power,
                "interval_half_width": found.interval_half_width,
                "mass_without_support": found.mass_without_support,
            }
        )
    return rows


def plan_and_record(settings: Settings, form: PlanForm) -> "TrackedRun":
    """Plan, end the task's log with the table, and record it as one MLflow run.

    Repeating a form finds its run and adds nothing.

    Raises
    ------
    SimulationError
        If the form asks for what cannot be planned.
    mlflow.exceptions.MlflowException
        If MLflow does not answer; run it again later.
    """
    from include.stores.reports.connection import connect
    from include.stores.tracking import RunKey, Tracker

    rows = trade_table(form)
    log_summary(_log, "simulated: what each floor buys, and what it costs", rows)
    for line in advice(form, rows):
        _log.info("%s", line)
    named = content_hash([METHOD, {**asdict(form), "floors": list(form.floors)}])
    with connect(settings) as connection:
        key = RunKey(EXPERIMENT, named[:12], named, KIND)
        run = Tracker(settings, connection).record(key, content_of(form, rows))
    _log.info("plan: run %s", run.run_id)
    return run


def advice(form: PlanForm, rows: Sequence[Row]) -> list[str]:
    """Say in words what the table says: the cheapest floor that is likely to end, and warnings."""
    enough = [row for row in rows if _number(row["power"]) >= 0.8]
    said = []
    if enough:
        cheapest = min(enough, key=lambda row: _number(row["regret"]))
        said.append(
            f"the cheapest floor with at least 80 % power by day {form.max_days}: "
            f"{cheapest['floor']:.4g} (power {_number(cheapest['power']):.0%}, median day "
            f"{cheapest['median_days']}, regret {_number(cheapest['regret']):,.0f} rewards)"
        )
    else:
        best = max(_number(row["power"]) for row in rows)
        said.append(
            f"no floor reaches 80 % power by day {form.max_days} (at most {best:.0%}): plan "
            "more days, more traffic, fewer arms, or a larger uplift"
        )
    said += [
        f"floor {row['floor']:.4g} leaves {_number(row['mass_without_support']):.0%} of a uniform "
        "policy without support: nothing about it can be estimated from that log"
        for row in rows
        if _number(row["mass_without_support"]) > 0.0
    ]
    return said


def content_of(form: PlanForm, rows: Sequence[Row]) -> "RunContent":
    """Return what the run of a plan shows; curves step by the floor in buckets of 1/10,000."""
    from include.contract.weights import BUCKETS
    from include.figures.curves import Band, bands
    from include.stores.tracking_content import Curve, RunContent

    steps = [round(_number(row["floor"]) * BUCKETS) for row in rows]
    curves = []
    for name in [name for name in rows[0] if name != "floor"]:
        known = [(at, row[name]) for at, row in zip(steps, rows, strict=True)]
        some = [(at, _number(value)) for at, value in known if value is not None]
        if some:
            curves.append(
                Curve(f"simulated/{name}", [at for at, _ in some], [one for _, one in some])
            )
    floors = [100.0 * _number(row["floor"]) for row in rows]
    power, error = (
        [100.0 * _number(row[name]) for row in rows] for name in ("power", "power_error")
    )
    figure = bands(
        [
            Band(
                form.policy,
                floors,
                power,
                [max(p - e, 0.0) for p, e in zip(power, error, strict=True)],
                [min(p + e, 100.0) for p, e in zip(power, error, strict=True)],
            ),
            Band("equal split", floors, [100.0 * _number(row["uniform_power"]) for row in rows]),
        ],
        title="What a floor buys",
        note=f"simulated; {form.replications:,} runs of {form.max_days} days, seed {form.seed}",
        x="probability floor (%)",
        y=f"verdict by day {form.max_days} (% of runs)",
    )
    params: Row = {name: _text(value) for name, value in asdict(form).items()}
    return RunContent(
        title=f"plan: {form.arms} arms, {form.base_rate:.4g} + {form.minimum_uplift:.0%}",
        params=params,
        tags={"allot.simulated": "true", "method": METHOD},
        curves=curves,
        tables={"trade": list(rows)},
        documents={"advice": list(advice(form, rows))},
        figures={"power": figure},
    )


def _number(value: Json) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _text(value: object) -> str:
    return ", ".join(f"{v}" for v in value) if isinstance(value, (list, tuple)) else str(value)
