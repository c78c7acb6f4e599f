"""Units that come back: what assignment by unit does to inference.

A pool of units with their own success rates visits batch after batch. Under
``rerandomise`` every visit is drawn afresh; under ``nested`` a unit keeps its bucket, and changes
arm only when the arms' bucket ranges move over it. There is no effect of the arm unless
``lift`` says so.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import bernoulli_statistics
from include.bandit.statistics import ArmStatistics, FloatArray

Assignment = Literal["rerandomise", "nested"]
Counting = Literal["every batch", "first batch"]


@dataclass(frozen=True, slots=True)
class Pool:
    """Who comes, how often, and how different they are; two arms.

    Attributes
    ----------
    units
        Units in the pool.
    visit
        Chance that a unit comes in a batch (one decision each).
    rate
        Mean success rate; units' own rates are Beta-distributed around it.
    spread
        α + β of that distribution: small means that units differ much.
    lift
        Added to every unit's rate under arm 1.
    assignment
        ``rerandomise`` or ``nested``.
    counting
        Whether a unit counts in every batch in which it comes, or only in its first.
    """

    units: int
    visit: float
    rate: float
    spread: float
    lift: float = 0.0
    assignment: Assignment = "rerandomise"
    counting: Counting = "every batch"


def run_pool(
    pool: Pool,
    policy: Shares,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[ArmStatistics, FloatArray]:
    """Run two arms on a pool of returning units.

    Parameters
    ----------
    pool
        Who comes, and what is counted.
    policy
        Shares from what was counted before.
    size
        Replications and batches.
    rng
        Source of all randomness.

    Returns
    -------
    tuple
        Sums and shares, ``(replications, batches, 2)``. With ``first batch`` a unit is
        counted only in the batch in which it was drawn.
    """
    replications, batches = size
    shape = (replications, pool.units)
    own = rng.beta(pool.rate * pool.spread, (1.0 - pool.rate) * pool.spread, shape)
    own = own.astype(np.float32)
    bucket = rng.random(shape, dtype=np.float32)
    seen = np.zeros(shape, np.bool_)
    shares = np.full((replications, batches, 2), 0.5)
    n = np.zeros((replications, batches, 2), np.int64)
    successes = np.zeros_like(n)
    for batch in range(batches):
        if batch:
            known = n[:, :batch].sum(axis=1).astype(np.float64)
            shares[:, batch] = policy(known, successes[:, :batch].sum(axis=1).astype(np.float64))
        if pool.assignment == "rerandomise" and batch:
            bucket = rng.random(shape, dtype=np.float32)
        counted = rng.random(shape, dtype=np.float32) < pool.visit
        # Two nested ranges share one edge: the fewest buckets move when it does.
        treated = bucket >= shares[:, batch, :1].astype(np.float32)
        won = rng.random(shape, dtype=np.float32) < own + np.float32(pool.lift) * treated
        if pool.counting == "first batch":
            counted, seen = counted & ~seen, seen | counted
        for arm, mine in enumerate((counted & ~treated, counted & treated)):
            n[:, batch, arm] = mine.sum(axis=1)
            successes[:, batch, arm] = (mine & won).sum(axis=1)
    return bernoulli_statistics(n, successes, shares), shares
