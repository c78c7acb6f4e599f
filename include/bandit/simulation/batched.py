"""Batched simulation: decisions of a batch are drawn at once, by the shares published before it."""

from dataclasses import dataclass, fields

import numpy as np

from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Horizon:
    """How long and how often.

    Attributes
    ----------
    batches
        Batches, and looks.
    traffic
        Decisions per batch.
    replications
        Independent runs.
    """

    batches: int
    traffic: int
    replications: int

    def __post_init__(self) -> None:
        if min(self.batches, self.traffic, self.replications) < 1:
            raise ValueError("batches, traffic and replications must each be at least 1")


@dataclass(frozen=True, slots=True)
class Learning:
    """What the policy learns from.

    Attributes
    ----------
    discount
        Weight of a batch's counts one batch later; 1 never forgets.
    mature
        Count only decisions whose reward window has closed (the rule); False counts every
        decision at once, with the rewards that happen to have come.
    """

    discount: float = 1.0
    mature: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What happened, arrays ``(replications, batches, K)``.

    Attributes
    ----------
    shares
        Published shares.
    n
        Decisions.
    arrived
        Rewards by delay, shape ``(replications, batches, K, D)``.
    rates
        True rates ``(batches, K)``.
    """

    shares: FloatArray
    n: IntArray
    arrived: IntArray
    rates: FloatArray

    def regret(self) -> FloatArray:
        """Return cumulative pseudo-regret ``(replications, batches)`` against the best arm then."""
        gap = self.rates.max(axis=-1, keepdims=True) - self.rates
        return np.cumsum((self.n * gap).sum(axis=-1), axis=-1)

    def statistics(self, *, seen_after: int | None = None) -> ArmStatistics:
        """Return the sums, with all rewards or with those that had come.

        Parameters
        ----------
        seen_after
            Look after this many batches, counting every decision with the rewards
            received by then (what the maturity rule forbids); ``None``: all rewards.
        """
        if seen_after is None:
            return bernoulli_statistics(self.n, self.arrived.sum(axis=-1), self.shares)
        age = seen_after - 1 - np.arange(seen_after)
        known = np.arange(self.arrived.shape[-1]) <= age[:, None]
        successes = (self.arrived[:, :seen_after] * known[None, :, None]).sum(axis=-1)
        return bernoulli_statistics(self.n[:, :seen_after], successes, self.shares[:, :seen_after])


def run(
    environment: Environment,
    policy: Shares,
    horizon: Horizon,
    rng: np.random.Generator,
    learning: Learning | None = None,
) -> History:
    """Run one policy in one environment, all replications side by side.

    The first batch is uniform. Traffic per batch is fixed; arms are multinomial by the
    shares; rewards are Bernoulli at the rates of the batch.
    """
    rule = learning if learning is not None else Learning()
    runs, arms, lags = horizon.replications, environment.arms, environment.delay.shape[1]
    shares = np.full((runs, horizon.batches, arms), 1.0 / arms)
    n = np.zeros((runs, horizon.batches, arms), np.int64)
    arrived = np.zeros((runs, horizon.batches, arms, lags), np.int64)
    for batch in range(horizon.batches):
        if batch:
            shares[:, batch] = policy(*_known(n, arrived, batch, rule))
        n[:, batch] = rng.multinomial(horizon.traffic, shares[:, batch])
        successes = rng.binomial(n[:, batch], environment.at(batch))
        arrived[:, batch] = rng.multinomial(successes, environment.delay)
    rates = np.stack([environment.at(batch) for batch in range(horizon.batches)])
    return History(shares, n, arrived, rates)


def first_batches(statistics: ArmStatistics, count: int) -> ArmStatistics:
    """Return the statistics ``(..., batches, K)`` of the first ``count`` batches alone."""
    return ArmStatistics(
        *(getattr(statistics, field.name)[..., :count, :] for field in fields(ArmStatistics))
    )


def bernoulli_statistics(n: IntArray, successes: IntArray, shares: FloatArray) -> ArmStatistics:
    """Return the sums of 0/1 rewards logged at the given shares."""
    inverse = np.where(n > 0, 1.0 / np.where(shares > 0, shares, 1.0), 0.0)
    won = successes.astype(np.float64)
    return ArmStatistics(
        n=n,
        sum_r=won,
        sum_r2=won,
        sum_ip=n.astype(np.float64) * inverse,
        sum_ip2=n.astype(np.float64) * inverse**2,
        sum_r_ip=won * inverse,
        sum_r_ip2=won * inverse**2,
        sum_r2_ip2=won * inverse**2,
    )


def _known(
    n: IntArray, arrived: IntArray, batch: int, rule: Learning
) -> tuple[FloatArray, FloatArray]:
    """Return discounted decisions and successes that the policy may count before a batch."""
    lags = arrived.shape[-1]
    ages = batch - 1 - np.arange(batch)
    weight = rule.discount**ages
    if rule.mature:
        weight = np.where(ages >= lags - 1, weight, 0.0)
    visible = (np.arange(lags) <= ages[:, None]).astype(np.float64)
    decisions = np.einsum("rbk,b->rk", n[:, :batch], weight)
    successes = np.einsum("rbkd,bd->rk", arrived[:, :batch], weight[:, None] * visible)
    return decisions, successes
