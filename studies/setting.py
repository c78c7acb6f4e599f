"""The setting that the studies share: 2,000 decisions a day, 28 daily looks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.inference.family import Design
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History, Horizon, run
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import FloatArray

LOOKS: Final = 28
TRAFFIC: Final = 2000
RUNS: Final = 2000
FLOORS: Final = (0.01, 0.05, 0.10, 0.20, 0.50)
POLICIES: Final = ("thompson", "top_two", "epsilon_greedy", "ucb1", "kl_ucb", "uniform")


def simulate(
    rates: FloatArray, policy: str, floor: float, rng: np.random.Generator, runs: int = RUNS
) -> History:
    """Run the shared setting in a stationary environment."""
    environment = Environment.stationary(np.asarray(rates))
    return run(environment, Shares(policy, floor), Horizon(LOOKS, TRAFFIC, runs), rng)


def design(shares: FloatArray) -> Design:
    """Return the design of 0/1 rewards at published shares, every unit drawn."""
    return Design(shares=shares, bounds=(0.0, 1.0))


def first_look(happened: NDArray[np.bool_]) -> FloatArray:
    """Return the day (from 1) on which something first happened, infinity where never."""
    return np.where(happened.any(axis=1), happened.argmax(axis=1) + 1.0, np.inf)


def per_cent(share: float) -> str:
    """Write a share."""
    return f"{100 * share:.4g} %"


def day(value: float) -> str:
    """Write a median day, or a dash where fewer than half the runs got there."""
    return f"{value:g}" if np.isfinite(value) else "–"
