"""Metrics in seeded simulations: coverage under peeking, the delta method, variance reduction."""

import numpy as np
import pytest

from include.bandit.inference.family import Design
from include.bandit.metrics.delta import of_ratio
from include.bandit.metrics.effects import Method, MetricEffects, effects
from studies.metric_units import Scene, adjusted, clicks_per_view, simulate, spending
from studies.table import Rate
from tests.support.metrics import metric_sums

RUNS = 1_500


def judged(scene: Scene, method: Method, floor: float, seed: int) -> MetricEffects:
    sums, shares = simulate(scene, runs=RUNS, batches=14, units=400, floor=floor, seed=seed)
    return effects(sums, method, 0, Design(shares=shares), alpha=0.05)


@pytest.mark.parametrize("floor", [0.1, 0.5])
@pytest.mark.parametrize(
    ("scene", "method"),
    [
        (adjusted(0.7), "cuped"),
        (adjusted(0.7, 0.05), "cuped"),
        (spending(100.0), "mean"),
        (spending(100.0, (0.10, 0.12)), "mean"),
        (clicks_per_view(), "ratio"),
        (clicks_per_view((0.20, 0.22), (3.0, 4.0)), "ratio"),
        (clicks_per_view((0.20, 0.20), (3.0, 5.0)), "ratio"),
    ],
)
def test_sequences_hold_at_all_looks_at_once(scene: Scene, method: Method, floor: float) -> None:
    found = judged(scene, method, floor, seed=11)
    sequence, known = found.family.weighted, found.family.known
    outside = (sequence.lower > scene.effect) | (sequence.upper < scene.effect)
    assert Rate.of((outside & known).any(axis=(1, 2))).at_most(0.05)
    assert known[:, -1].mean() > 0.9


@pytest.mark.parametrize(
    ("scene", "method"),
    [
        (adjusted(0.7, 0.05), "cuped"),
        (spending(100.0, (0.10, 0.12)), "mean"),
        (clicks_per_view((0.20, 0.22), (3.0, 4.0)), "ratio"),
    ],
)
def test_one_look_at_fixed_shares_covers_as_it_says(scene: Scene, method: Method) -> None:
    found = judged(scene, method, 0.5, seed=12).fixed
    missed = Rate.of((found.lower > scene.effect) | (found.upper < scene.effect))
    assert missed.at_most(0.05)
    assert missed.value > 0.03


@pytest.mark.parametrize("rho", [0.3, 0.7, 0.9])
def test_the_covariate_takes_its_part_of_the_variance(rho: float) -> None:
    found = judged(adjusted(rho), "cuped", 0.5, seed=13)
    assert np.mean(found.reduction) == pytest.approx(rho**2, abs=0.01)


@pytest.mark.parametrize("rho", [0.7, 0.9])
def test_the_sequence_gets_as_much_narrower(rho: float) -> None:
    widths = []
    for method in ("mean", "cuped"):
        sequence = judged(adjusted(rho), method, 0.5, seed=16).family.weighted
        widths.append(np.median((sequence.upper - sequence.lower)[:, -1]))
    assert widths[1] / widths[0] == pytest.approx((1 - rho**2) ** 0.5, rel=0.03)


def test_an_unrelated_covariate_costs_nothing() -> None:
    assert np.mean(judged(adjusted(0.0), "cuped", 0.5, seed=14).reduction) == pytest.approx(
        0.0, abs=0.005
    )


def test_the_delta_method_agrees_with_the_bootstrap() -> None:
    """Resampling units, whose views are clusters; rows as observations would be far too sure."""
    rng = np.random.default_rng(15)
    views = 1 + rng.poisson(6, 800)
    keen = rng.beta(1, 4, 800)
    clicks = rng.binomial(views, keen)
    sums = metric_sums([[(float(c), float(v), 0, 0.5) for c, v in zip(clicks, views, strict=True)]])
    value, variance = of_ratio(sums.pooled(-2)).values()
    drawn = rng.integers(0, 800, (4_000, 800))
    resampled = clicks[drawn].sum(axis=1) / views[drawn].sum(axis=1)
    assert value[0] == pytest.approx(clicks.sum() / views.sum())
    assert np.sqrt(variance[0]) == pytest.approx(resampled.std(ddof=1), rel=0.04)
    pooled = np.sqrt(value[0] * (1 - value[0]) / views.sum())
    assert np.sqrt(variance[0]) > 1.3 * pooled
