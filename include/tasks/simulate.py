"""Simulate policies where the truth is known, and show their regret side by side in MLflow."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from include.contract.canonical import content_hash
from include.errors import SimulationError
from include.settings import Settings
from include.tasks.simulation_request import SimulationRequest

if TYPE_CHECKING:
    import numpy as np

    from include.bandit.simulation.curves import Band
    from include.bandit.simulation.environment import Environment
    from include.bandit.statistics import FloatArray
    from include.stores.tracking import TrackedRun
    from include.stores.tracking_content import Curve, RunContent

EXPERIMENT: Final = "simulations"
KIND: Final = "simulation"

_log = logging.getLogger(__name__)


def simulate(request: SimulationRequest) -> "dict[str, Band]":
    """Return cumulative pseudo-regret with its band per policy, over batches.

    Every policy has a random stream of its own, so that adding one changes no other.

    Raises
    ------
    SimulationError
        If there is no such policy.
    """
    import numpy as np

    from include.bandit.simulation.curves import band

    bands = {}
    for policy in request.policies:
        key = int(content_hash(policy)[:8], 16)
        rng = np.random.default_rng([request.seed, key])
        bands[policy] = band(_regret(request, policy, rng))
    return bands


def simulate_and_record(settings: Settings, request: SimulationRequest) -> "list[TrackedRun]":
    """Simulate, and record one MLflow run per policy and one that compares them.

    Repeating a request finds its runs and adds nothing.
    """
    from include.stores.reports.connection import connect
    from include.stores.tracking import RunKey, Tracker

    bands = simulate(request)
    named = content_hash({**asdict(request), "rates": list(request.rates)})
    recorded = []
    with connect(settings) as connection:
        tracker = Tracker(settings, connection)
        for name, content in contents(request, bands).items():
            recorded.append(tracker.record(RunKey(EXPERIMENT, name, named, KIND), content))
            _log.info("simulated %s: run %s", name, recorded[-1].run_id)
    return recorded


def contents(request: SimulationRequest, bands: "Mapping[str, Band]") -> "dict[str, RunContent]":
    """Return what each run shows: a run per policy with equal metric names, and a comparison."""
    from include.figures.curves import Band as Line
    from include.figures.curves import bands as draw
    from include.stores.tracking_content import RunContent

    steps = list(range(1, request.batches + 1))
    params = {name: _text(value) for name, value in asdict(request).items() if name != "policies"}
    figure = draw(
        [
            Line(policy, steps, found.mean.tolist(), found.low.tolist(), found.high.tolist())
            for policy, found in bands.items()
        ],
        title="Simulated regret",
        note=f"simulated; mean and 10 – 90 % of {request.replications:,} runs, seed {request.seed}",
        x="batches" if request.batch_size > 1 else "decisions",
        y="cumulative pseudo-regret (rewards)",
    )
    shown = {
        policy: RunContent(
            title=f"simulated {policy}",
            params={"policy": policy, **params},
            tags={"allot.simulated": "true"},
            metrics={
                "simulated/final_regret": float(found.mean[-1]),
                "simulated/final_regret_error": float(found.error[-1]),
            },
            curves=_curves("simulated/regret", steps, found),
        )
        for policy, found in bands.items()
    }
    shown["comparison"] = RunContent(
        title="simulated comparison",
        params={"policies": _text(request.policies), **params},
        tags={"allot.simulated": "true"},
        curves=[
            curve
            for policy, found in bands.items()
            for curve in _curves(f"simulated/regret/{policy}", steps, found)
        ],
        figures={"simulated-regret": figure},
    )
    return shown


def _curves(name: str, steps: Sequence[int], found: "Band") -> "list[Curve]":
    from include.stores.tracking_content import Curve

    parts = {"": found.mean, "_low": found.low, "_high": found.high}
    return [Curve(f"{name}{suffix}", steps, part.tolist()) for suffix, part in parts.items()]


def _regret(request: SimulationRequest, policy: str, rng: "np.random.Generator") -> "FloatArray":
    import numpy as np

    from include.bandit.simulation.allocation import Shares
    from include.bandit.simulation.batched import Horizon, Learning, run
    from include.bandit.simulation.sequential import play

    try:
        if request.batch_size == 1:
            rates = np.tile(np.asarray(request.rates, np.float64), (request.replications, 1))
            return play(policy, rates, request.batches, rng).regret.T
        chosen = Shares(policy, request.floor)
    except ValueError as error:
        raise SimulationError(f"policies: {error}") from error
    horizon = Horizon(request.batches, request.batch_size, request.replications)
    learning = Learning(discount=request.discount)
    return run(_environment(request), chosen, horizon, rng, learning).regret()


def _environment(request: SimulationRequest) -> "Environment":
    import numpy as np

    from include.bandit.simulation.environment import Environment

    start = np.asarray(request.rates, np.float64)
    end = np.asarray(request.end_rates or request.rates, np.float64)
    moving = Environment.drifting(start, end, request.batches)
    late = Environment.delayed(start, request.mean_delay, request.window)
    return Environment("simulated", moving.rates, late.delay)


def _text(value: object) -> str:
    return ", ".join(f"{v}" for v in value) if isinstance(value, (list, tuple)) else str(value)
