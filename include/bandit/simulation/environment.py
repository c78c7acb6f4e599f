"""Environments: the true success rate of every arm at every time, and how late rewards come."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """Bernoulli arms whose rates may move, and whose rewards may be late.

    Attributes
    ----------
    name
        What a chart calls it.
    rates
        Shape ``(periods, K)``: rates in period t; the last period holds on.
    delay
        Shape ``(K, D)``: chance that a reward of the arm arrives d batches after its decision;
        rows sum to 1. One column: at once.
    """

    name: str
    rates: FloatArray
    delay: FloatArray

    def __post_init__(self) -> None:
        if self.rates.ndim != 2 or min(self.rates.shape) < 1 or self.rates.shape[1] < 2:
            raise ValueError(f"rates need shape (periods, arms ≥ 2); got {self.rates.shape}")
        if not (np.all(self.rates >= 0) and np.all(self.rates <= 1)):
            raise ValueError("a success rate is not within [0, 1]")
        if self.delay.ndim != 2 or self.delay.shape[0] != self.rates.shape[1]:
            raise ValueError(f"delay needs shape (arms, batches); got {self.delay.shape}")
        if not np.allclose(self.delay.sum(axis=1), 1.0) or np.any(self.delay < 0):
            raise ValueError("every arm's delay must be a distribution over batches")

    @property
    def arms(self) -> int:
        """Number of arms."""
        return int(self.rates.shape[1])

    def at(self, period: int) -> FloatArray:
        """Return the rates ``(K,)`` in a period; the last one holds on."""
        return np.asarray(self.rates[min(period, len(self.rates) - 1)])

    @classmethod
    def stationary(cls, rates: FloatArray, name: str = "stationary") -> Self:
        """Rates that never move."""
        return cls(name, np.atleast_2d(np.asarray(rates, np.float64)), _at_once(np.size(rates)))

    @classmethod
    def drifting(cls, start: FloatArray, end: FloatArray, periods: int) -> Self:
        """Rates that move from ``start`` to ``end`` in a straight line."""
        weight = np.linspace(0.0, 1.0, periods)[:, None]
        rates = (1.0 - weight) * np.asarray(start) + weight * np.asarray(end)
        return cls("drifting", rates, _at_once(rates.shape[1]))

    @classmethod
    def stepping(cls, before: FloatArray, after: FloatArray, at: int) -> Self:
        """Rates that change once, at the beginning of period ``at``."""
        rates = np.vstack([np.tile(before, (at, 1)), np.atleast_2d(after)])
        return cls("stepping", rates, _at_once(rates.shape[1]))

    @classmethod
    def delayed(cls, rates: FloatArray, mean_delay: FloatArray | float, window: int) -> Self:
        """Rewards that come geometrically late, all within ``window`` batches."""
        arms = np.size(rates)
        mean = np.broadcast_to(np.asarray(mean_delay, np.float64), (arms,))[:, None]
        chance = (mean / (1.0 + mean)) ** np.arange(window + 1)
        return cls(
            "delayed",
            np.atleast_2d(np.asarray(rates, np.float64)),
            chance / chance.sum(axis=1, keepdims=True),
        )

    @classmethod
    def many_arms(cls, arms: int, rng: np.random.Generator) -> Self:
        """Rates from Beta(4, 76): a mean of 5 %, spread as an assortment's."""
        return cls("many arms", rng.beta(4.0, 76.0, (1, arms)), _at_once(arms))

    @classmethod
    def low_rates(cls, arms: int, rng: np.random.Generator) -> Self:
        """Click rates around 0.5 %, as logged in the Open Bandit Dataset."""
        return cls("low rates", rng.beta(5.0, 995.0, (1, arms)), _at_once(arms))


def _at_once(arms: int) -> FloatArray:
    return np.ones((arms, 1))
