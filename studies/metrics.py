"""Declared metrics under peeking: capped amounts, means adjusted by a covariate, ratios."""

from typing import Final

import numpy as np

from include.bandit.inference.family import Design
from include.bandit.metrics.effects import Method, MetricEffects, effects
from studies.metric_units import Scene, adjusted, clicks_per_view, simulate, spending
from studies.setting import per_cent
from studies.table import Cell, Rate, Study

SEED: Final = 12_000
RUNS, BATCHES, UNITS = 2_000, 14, 400
FLOORS: Final = (0.05, 0.10, 0.50)
SCENES: Final[dict[str, tuple[Scene, Method]]] = {
    "ρ = 0.7, unadjusted": (adjusted(0.7, 0.05), "mean"),
    "ρ = 0.3, adjusted": (adjusted(0.3, 0.05), "cuped"),
    "ρ = 0.7, adjusted": (adjusted(0.7, 0.05), "cuped"),
    "ρ = 0.9, adjusted": (adjusted(0.9, 0.05), "cuped"),
    "ρ = 0, adjusted": (adjusted(0.0, 0.05), "cuped"),
    "amounts capped at 100": (spending(100.0, (0.10, 0.12)), "mean"),
    "amounts capped at 1,000": (spending(1_000.0, (0.10, 0.12)), "mean"),
    "clicks per view, no effect": (clicks_per_view(), "ratio"),
    "clicks per view, more views": (clicks_per_view((0.20, 0.20), (3.0, 5.0)), "ratio"),
    "clicks per view, both": (clicks_per_view((0.20, 0.22), (3.0, 4.0)), "ratio"),
}


def study() -> Study:
    """Simulate every scene at every floor."""
    rows: list[dict[str, Cell | Rate]] = []
    fixed: list[Rate] = []
    for number, (name, (scene, method)) in enumerate(SCENES.items()):
        for floor in FLOORS:
            found = _judged(scene, method, floor, SEED + number)
            row = {"metric": name, "floor": per_cent(floor), **_cell(found, scene)}
            rows.append(row)
            if floor == 0.5 and isinstance(rate := row["fixed-time misses"], Rate):
                fixed.append(rate)
    return Study(
        name="metrics",
        title="Declared metrics under daily looks",
        question=(
            f"Two arms, {UNITS} units a day, {BATCHES} daily looks, {RUNS:,} runs; the share of "
            "arm 1 follows the metric seen so far, never below the floor. *Adjusted*: a normal "
            "metric of variance 1 whose covariate has correlation ρ with it; effect 0.05. "
            "*Amounts*: 10 against 12 % of units spend a lognormal amount (median 20, σ = 1.5). "
            "*Clicks per view*: units differ in their click rate, and those that click more view "
            "more; mean rate 20 % (22 % in *both*), 3 views per unit (*more views*: 5 under arm 1; "
            "*both*: 4). *Misses* counts runs in which the sequence, where it speaks, missed the "
            "true effect at some look; *known* the runs in which it speaks at the last. "
            "*Fixed-time* intervals are read once, on the last day. Widths are medians of the last "
            "day."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "sequences miss the true effect at some look in at most 5 % of runs": all(
                rate.at_most(0.05) for row in rows if isinstance(rate := row["misses"], Rate)
            ),
            "at an equal split fixed-time intervals miss it in at most 5 % of runs": all(
                rate.at_most(0.05) for rate in fixed
            ),
        },
        reading=(
            "A covariate takes ρ² of the variance away, and the sequence gets as much narrower; "
            "one that says nothing costs nothing. The ratio holds where views differ between the "
            "arms, which would fool a mean over views. Amounts need a cap: at 1,000 a starved "
            "arm's few large amounts leave the sequence silent in many runs, since it speaks from "
            "25 effective observations on. Fixed-time intervals are what they say at an equal "
            "split; where shares follow skewed amounts they miss more, up to three times as often, "
            "and looked at daily more still."
        ),
    )


def _judged(scene: Scene, method: Method, floor: float, seed: int) -> MetricEffects:
    sums, shares = simulate(scene, runs=RUNS, batches=BATCHES, units=UNITS, floor=floor, seed=seed)
    return effects(sums, method, 0, Design(shares=shares), alpha=0.05)


def _cell(found: MetricEffects, scene: Scene) -> dict[str, Cell | Rate]:
    sequence, known, fixed = found.family.weighted, found.family.known, found.fixed
    outside = (sequence.lower > scene.effect) | (sequence.upper < scene.effect)
    width = np.where(known, sequence.upper - sequence.lower, np.inf)[:, -1, 0]
    reduced = found.reduction
    return {
        "misses": Rate.of((outside & known).any(axis=(1, 2))),
        "known": Rate.of(known[:, -1, 0]),
        "width": f"{np.median(width):.3g}" if np.isfinite(np.median(width)) else "–",
        "fixed-time misses": Rate.of((fixed.lower > scene.effect) | (fixed.upper < scene.effect)),
        "fixed-time width": f"{np.median(fixed.upper - fixed.lower):.3g}",
        "fixed-time estimate": f"{np.mean(fixed.estimate):.4f}",
        "true effect": f"{scene.effect:.4f}",
        "variance taken away": "–"
        if np.isnan(reduced).all()
        else per_cent(round(reduced.mean(), 3)),
    }
