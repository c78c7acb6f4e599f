"""How large the winner's effect is, without the winner's curse.

The mean of an arm that was picked for its mean is too high. Two readouts are not:

* the sequence's interval for the picked arm, which holds for all arms at once, hence for
  whichever was picked (`from_sequence`);
* the uniform slice: units that were assigned without regard to any posterior, analysed
  on their own, with a union over the arms that could have been picked (`from_slice`). It is
  narrower only where the slice is large; it stays meaningful where the effect moves.
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.inference.family import Family
from include.bandit.inference.interval import FixedTime
from include.bandit.inference.naive import naive
from include.bandit.statistics import ArmStatistics


@dataclass(frozen=True, slots=True)
class Readout:
    """An effect a − b with an interval that allows for a having been picked.

    ``lower`` and ``upper`` are infinite where nothing is known.
    """

    pair: tuple[int, int]
    estimate: float
    lower: float
    upper: float


def from_sequence(family: Family, pair: tuple[int, int], batch: int = -1) -> Readout:
    """Read a pair's effect from a family of simultaneous sequences, at one look.

    Raises
    ------
    ValueError
        If the family has leading axes, or no such pair.
    """
    sequence = family.weighted
    if family.known.ndim != 2 or pair not in sequence.pairs:
        raise ValueError(f"pair {pair} is not one of the family of one experiment")
    at = sequence.pairs.index(pair)
    estimate, radius = (float(part[batch, at]) for part in (sequence.estimate, sequence.radius))
    if not family.known[batch, at]:
        radius = np.inf
    return Readout(pair, estimate, estimate - radius, estimate + radius)


def from_slice(uniform: ArmStatistics, pair: tuple[int, int], *, alpha: float = 0.05) -> Readout:
    """Read a pair's effect from the statistics of the uniform slice alone.

    Parameters
    ----------
    uniform
        Sums ``(batches, K)`` of the units that the uniform slice assigned, and only those.
    pair
        Winner and what it is compared with.
    alpha
        Divided over all arms that could have been picked.

    Raises
    ------
    ValueError
        If shares differ between arms, so that these are not a uniform slice's sums.
    """
    arms = uniform.n.shape[-1]
    if not np.allclose(uniform.sum_ip, uniform.n * arms):
        raise ValueError("not a uniform slice: Σ1/p is not K n for every arm")
    found: FixedTime = naive(uniform, (pair,), alpha=alpha / (arms - 1))
    return Readout(pair, *(float(part[0]) for part in (found.estimate, found.lower, found.upper)))
