"""Simulated units of declared metrics, and their sums per batch: many runs at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import ndtr

from include.bandit.metrics.statistics import MetricStatistics
from include.bandit.statistics import FloatArray

# Runs and units to y, x, each (runs, 2, units): what every unit would give under either arm.
Draw = Callable[[np.random.Generator, tuple[int, int]], tuple[FloatArray, FloatArray]]
_ARMS: Final = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """A metric whose true effect is known.

    Attributes
    ----------
    draw
        Draws units.
    effect
        Of arm 1 against arm 0.
    cap
        Of y; infinite where there is none.
    """

    draw: Draw
    effect: float
    cap: float = np.inf


def adjusted(rho: float, effect: float = 0.0) -> Scene:
    """Return a metric of variance 1 whose covariate, at 5 ± 1, has correlation ρ with it."""

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        x = rng.normal(0.0, 1.0, size)
        y = 10.0 + rho * x + np.sqrt(1.0 - rho**2) * rng.normal(0.0, 1.0, size)
        return np.stack([y, y + effect], axis=1), np.stack([x, x], axis=1) + 5.0

    return Scene(draw, effect)


def spending(cap: float, bought: tuple[float, float] = (0.10, 0.10)) -> Scene:
    """Return money spent: some units buy, for a lognormal amount of median 20, capped."""
    median, sigma = 20.0, 1.5
    # E min(s, c) of a lognormal s.
    z = (np.log(cap) - np.log(median)) / sigma
    mean = median * np.exp(sigma**2 / 2) * ndtr(z - sigma) + cap * ndtr(-z)

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        amount = np.exp(np.log(median) + sigma * rng.normal(0.0, 1.0, size))
        chance = rng.random(size)
        y = np.stack([np.where(chance < p, amount, 0.0) for p in bought], axis=1)
        return y, np.zeros_like(y)

    return Scene(draw, float((bought[1] - bought[0]) * mean), cap)


def clicks_per_view(
    rates: tuple[float, float] = (0.2, 0.2), views: tuple[float, float] = (3.0, 3.0)
) -> Scene:
    """Return clicks and views of units whose own rates differ, and who view more if they click."""

    def draw(rng: np.random.Generator, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        keen = rng.beta(2.0, 2.0, size)
        seen = np.stack([1 + rng.poisson((v - 1) * 2 * keen) for v in views], axis=1)
        own = keen[:, None] * np.array(rates)[:, None]
        scale = np.array([_keen_mean(v) for v in views])[:, None]
        clicks = rng.binomial(seen, np.minimum(own / scale, 1.0))
        return clicks.astype(np.float64), seen.astype(np.float64)

    return Scene(draw, rates[1] - rates[0])


def _keen_mean(views: float) -> float:
    """Return E[keen · views] / E[views] of `clicks_per_view`; Beta(2, 2) has variance 1/20."""
    return (0.5 + (views - 1.0) * 2.0 * (0.25 + 0.05)) / views


def simulate(
    scene: Scene, *, runs: int, batches: int, units: int, floor: float, seed: int
) -> tuple[MetricStatistics, FloatArray]:
    """Play batches whose shares follow what was seen so far, never below the floor.

    Returns
    -------
    tuple
        Sums and shares, both ``(runs, batches, 2)``.
    """
    rng = np.random.default_rng(seed)
    share = np.full(runs, 0.5)
    shares, parts = [], []
    for _ in range(batches):
        y, x = scene.draw(rng, (runs, units))
        second = rng.random((runs, units)) < share[:, None]
        p = np.stack([1.0 - share, share], axis=1)
        parts.append(_summed(y, x, second, p, scene.cap))
        shares.append(p)
        share = np.clip(_leads(parts), floor, 1.0 - floor)
    names = MetricStatistics.__dataclass_fields__
    stacked = (np.stack([getattr(part, name) for part in parts], axis=1) for name in names)
    return MetricStatistics(*stacked), np.stack(shares, axis=1)


def _summed(
    y: FloatArray, x: FloatArray, second: np.ndarray, p: FloatArray, cap: float
) -> MetricStatistics:
    shown = np.stack([~second, second], axis=1).astype(np.float64)
    low = np.minimum(y, cap)
    n, capped = shown.sum(axis=2), (shown * (y > cap)).sum(axis=2)
    one, two = low * shown, x * shown
    y1, y2 = one.sum(axis=2), (one * low).sum(axis=2)
    x1, x2, xy = two.sum(axis=2), (two * x).sum(axis=2), (one * x).sum(axis=2)
    ip, ip2 = 1.0 / p, 1.0 / p**2
    return MetricStatistics(
        n.astype(np.int64),
        *(capped, np.abs(one).sum(axis=2), y1, y2, x1, x2, xy),
        *(n * ip, y1 * ip, x1 * ip),
        *(n * ip2, y1 * ip2, y2 * ip2, x1 * ip2, x2 * ip2, xy * ip2),
    )


def _leads(parts: list[MetricStatistics]) -> FloatArray:
    """Return Φ of the standardised difference so far: what a Thompson sampler would do."""
    n = np.sum([np.maximum(part.n, 1) for part in parts], axis=0)
    mean = np.sum([part.sum_y for part in parts], axis=0) / n
    spread = np.sum([part.sum_y2 for part in parts], axis=0) / n - mean**2
    error = np.sqrt((np.maximum(spread, 1e-12) / n).sum(axis=1))
    found: FloatArray = ndtr((mean[:, 1] - mean[:, 0]) / error)
    return found
