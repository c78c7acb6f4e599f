"""What an experiment will cost and tell, before it starts: power, days, regret, support.

Answered by simulating the experiment that is planned, with the policy, floor and
verdict that would run: no formula for fixed designs applies to adaptive ones.
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.inference.boundary import Boundary
from include.bandit.inference.family import Design
from include.bandit.inference.verdict import best_of_rest
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History, Horizon, run
from include.bandit.simulation.environment import Environment
from include.contract.weights import BUCKETS

_Z = 1.96


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """The experiment that is planned.

    Attributes
    ----------
    arms
        Number of arms, control included.
    base_rate
        Success rate of all arms but one.
    uplift
        What the better arm adds to it, in absolute terms.
    floor
        Least share of every arm.
    traffic
        Units per batch.
    batches
        Longest duration; a look after each batch.
    policy
        A policy of `include.bandit.simulation.allocation`.
    alpha
        Chance of a false winner over all looks.
    boundary
        Where the sequence is tight.
    """

    arms: int
    base_rate: float
    uplift: float
    floor: float
    traffic: int
    batches: int
    policy: str = "thompson"
    alpha: float = 0.05
    boundary: Boundary = Boundary()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.arms < 2:
            raise ValueError(f"{self.arms} arms cannot be compared; plan at least two")
        if not (0.0 < self.base_rate < 1.0 and 0.0 < self.uplift < 1.0 - self.base_rate):
            raise ValueError(
                f"base rate {self.base_rate} and uplift {self.uplift} must be positive, their sum "
                "below 1"
            )
        if not 0.0 <= self.floor <= 1.0 / self.arms + 1e-12:
            raise ValueError(f"{self.arms} arms cannot each have a share of {self.floor}")
        if self.traffic < 1 or self.batches < 1:
            raise ValueError("traffic and batches must each be at least 1")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to expect, simulated; rates over `replications` runs.

    Attributes
    ----------
    power
        Chance that the better arm is declared best by the last look.
    power_error
        Half-width of its 95 % Monte-Carlo interval.
    median_batches
        Median batch of the verdict; ``None`` where fewer than half the runs get there.
    expected_batches
        Mean duration, when an experiment stops at its verdict or at the last look.
    regret
        Rewards given up over all batches, if it is not stopped.
    uniform_power
        Power of an equal split on the same traffic.
    interval_half_width
        95 % half-width of the value of "always the arm with the least traffic", estimated
        from the log of all batches (`include.bandit.ope`, inverse-propensity family, with the
        true mean as baseline: the best that doubly robust estimates can do). Median over runs.
    mass_without_support
        Share of a uniform evaluation policy's mass that falls on arms without a bucket.
    replications
        Runs.
    """

    power: float
    power_error: float
    median_batches: float | None
    expected_batches: float
    regret: float
    uniform_power: float
    interval_half_width: float | None
    mass_without_support: float
    replications: int


def plan(request: PlanRequest, rng: np.random.Generator, replications: int = 500) -> Plan:
    """Simulate the planned experiment.

    Parameters
    ----------
    request
        What is planned.
    rng
        Source of all randomness; the same seed gives the same plan.
    replications
        Runs; 500 leave a Monte-Carlo error of at most 4.4 points on a rate.
    """
    rates = np.full(request.arms, request.base_rate)
    rates[-1] += request.uplift
    environment = Environment.stationary(rates, name="planned")
    horizon = Horizon(request.batches, request.traffic, replications)
    history = run(environment, Shares(request.policy, request.floor), horizon, rng)
    even = run(environment, Shares("uniform", 0.0), horizon, rng)
    when = _verdict(history, request)
    found = np.isfinite(when)
    power, median = float(found.mean()), float(np.median(when))
    return Plan(
        power=power,
        power_error=float(1.96 * np.sqrt(power * (1.0 - power) / replications)),
        median_batches=median if np.isfinite(median) else None,
        expected_batches=float(np.minimum(when, request.batches).mean()),
        regret=float(history.regret()[:, -1].mean()),
        uniform_power=float(np.isfinite(_verdict(even, request)).mean()),
        interval_half_width=_half_width(history, rates),
        mass_without_support=float((history.shares < 0.5 / BUCKETS).mean()),
        replications=replications,
    )


def _verdict(
    history: History, request: PlanRequest
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the batch (from 1) in which the better arm is declared best, infinity where never."""
    design = Design(shares=history.shares, bounds=(0.0, 1.0), boundary=request.boundary)
    wins = best_of_rest(history.statistics(), design, alpha=request.alpha).wins[..., -1]
    return np.where(wins.any(axis=1), wins.argmax(axis=1) + 1.0, np.inf)


def _half_width(history: History, rates: np.ndarray) -> float | None:
    """Return 1.96 √(Σ_t N_t v/p_t) / N for the arm with the widest interval, median over runs."""
    supported = history.shares >= 0.5 / BUCKETS
    traffic = history.n.sum(axis=-1, keepdims=True)
    spread = traffic * rates * (1.0 - rates) / np.where(supported, history.shares, np.nan)
    width = _Z * np.sqrt(spread.sum(axis=1)) / history.n.sum(axis=(1, 2))[:, None]
    widest = float(np.median(width.max(axis=-1)))
    return widest if np.isfinite(widest) else None
