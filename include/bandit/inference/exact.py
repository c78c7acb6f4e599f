"""Sequences that hold at every count, for the families of claims that `verdict` judges.

They take no normal approximation, so they are the ones to read while counts are small; the
error of a family is shared as in `verdict`. Where they cannot be had (rewards without bounds,
propensities that change by the row, units that were counted without being drawn) there are none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.inference.betting import betting
from include.bandit.inference.empirical_bernstein import empirical_bernstein
from include.bandit.inference.family import Design
from include.bandit.inference.sequence import Pairs
from include.bandit.inference.verdict import pair_level
from include.bandit.statistics import ArmStatistics, FloatArray

# Every pair costs a grid of effects per batch: with more arms only a control is affordable.
MOST_ARMS_IN_PAIRS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """Ends ``(batches, pairs)`` of one method."""

    method: str
    pairs: Pairs
    lower: FloatArray
    upper: FloatArray

    def worst_lower(self, arms: int) -> FloatArray:
        """Return every arm's smallest lower end over its pairs, ``(batches, arms)``."""
        lower = np.full((*self.lower.shape[:-1], arms), np.inf)
        for index, (a, b) in enumerate(self.pairs):
            np.minimum(lower[..., a], self.lower[..., index], out=lower[..., a])
            np.minimum(lower[..., b], -self.upper[..., index], out=lower[..., b])
        return lower


def exact_against_control(
    statistics: ArmStatistics, control: int, design: Design, *, alpha: float
) -> list[Exact]:
    """Return arm − control for every other arm by each method, simultaneously at ``alpha``."""
    arms = statistics.n.shape[-1]
    pairs = tuple((arm, control) for arm in range(arms) if arm != control)
    return list(_methods(statistics, pairs, design, alpha / len(pairs)))


def exact_best_of_rest(statistics: ArmStatistics, design: Design, *, alpha: float) -> list[Exact]:
    """Return every pair of arms by each method; none with more arms than are affordable."""
    arms = statistics.n.shape[-1]
    if arms > MOST_ARMS_IN_PAIRS:
        return []
    pairs = tuple((a, b) for a in range(arms) for b in range(a + 1, arms))
    return list(_methods(statistics, pairs, design, pair_level(alpha, arms)))


def _methods(
    statistics: ArmStatistics, pairs: Pairs, design: Design, level: float
) -> Iterator[Exact]:
    shares, bounds = design.shares, design.bounds
    if shares is None or bounds is None:
        return
    if design.drawn is not None and not design.drawn.all():
        return
    lower, upper = empirical_bernstein(statistics, pairs, shares, bounds=bounds, alpha=level)
    yield Exact("empirical-bernstein", pairs, _narrowing(lower), -_narrowing(-upper))
    binary = np.array_equal(statistics.sum_r, statistics.sum_r2)
    if bounds == (0.0, 1.0) and binary and np.all(statistics.sum_r <= statistics.n):
        ends = [betting(statistics, pair, shares, alpha=level) for pair in pairs]
        lower, upper = (np.stack(side, axis=-1) for side in zip(*ends, strict=True))
        yield Exact("betting", pairs, _narrowing(lower), -_narrowing(-upper))


def _narrowing(lower: FloatArray) -> FloatArray:
    """Intersect with all earlier looks: what held at all of them holds together."""
    return np.asarray(np.maximum.accumulate(lower, axis=0))
