"""A family of claims: sequences of several pairs, and where their assumptions let them speak."""

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from include.bandit.inference.boundary import Boundary
from include.bandit.inference.sequence import Pairs, Sequence, confidence_sequence
from include.bandit.statistics import ArmStatistics, FloatArray

BoolArray = NDArray[np.bool_]
Answer = Literal["better", "worse", "undecided", "unknown"]

# Effective rewards (and, where bounded above, effective misses) per arm before sums count as
# normal; below it the answer is `unknown`, and the betting sequence is the one to read.
MIN_EVENTS: Final = 10.0
# Normal quantile at which the weighted and the equal-weight estimate contradict each other.
DISAGREEMENT_Z: Final = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What is known about how the statistics came about, beside the statistics.

    Attributes
    ----------
    shares
        Published shares ``(..., batches, K)``; ``None`` where propensities change by the row.
    drawn
        Per row, shape ``(..., batches)``: whether every counted unit was drawn in it. False
        under ``nested`` or a held version when returning units were counted again: from that
        batch on the answer is `unknown`. ``None``: every one was.
    bounds
        Smallest and largest reward of a unit, for counting rewards and misses; ``None`` if
        unbounded.
    counted
        Rows of which a sequence may make use of an arm, ``(..., batches, K)``, known before
        each; ``None``: every row in which the arm had a share.
    boundary
        Where the sequences are tight.
    """

    shares: FloatArray | None = None
    drawn: BoolArray | None = None
    bounds: tuple[float, float] | None = None
    counted: BoolArray | None = None
    boundary: Boundary = field(default_factory=Boundary)


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One family of claims: its sequences and what they allow to say, ``(..., batches, pairs)``.

    Attributes
    ----------
    weighted
        The sequence that decides.
    equal
        The equal-weight sequence beside it.
    known
        Whether the assumptions hold at this look: every unit counted was drawn, both arms
        have data and enough rewards.
    disagreement
        Whether the two estimates differ by more than noise: the effect moves in time,
        and the weighted average is not *the* effect.
    """

    weighted: Sequence
    equal: Sequence
    known: BoolArray
    disagreement: BoolArray

    def above(self) -> BoolArray:
        """Tell where a is declared better than b."""
        return self.known & (self.weighted.lower > 0)

    def below(self) -> BoolArray:
        """Tell where a is declared worse than b."""
        return self.known & (self.weighted.upper < 0)

    def answers(self, batch: int = -1) -> tuple[Answer, ...]:
        """Return the answer per pair at one look of one experiment (no leading axes)."""
        if self.known.ndim != 2:
            raise ValueError("answers are read from one experiment, without leading axes")
        above, below, known = (part[batch] for part in (self.above(), self.below(), self.known))
        return tuple(
            "better" if a else "worse" if b else "undecided" if k else "unknown"
            for a, b, k in zip(above, below, known, strict=True)
        )


def family(
    statistics: ArmStatistics, pairs: Pairs, design: Design | None = None, *, alpha: float
) -> Family:
    """Return both sequences of every pair, each at level ``alpha``, and where they may speak.

    Parameters
    ----------
    statistics, pairs, alpha
        As in `confidence_sequence`.
    design
        How the statistics came about.
    """
    known_design = design if design is not None else Design()
    weighted, equal = (
        confidence_sequence(
            statistics,
            pairs,
            alpha=alpha,
            shares=known_design.shares,
            boundary=known_design.boundary,
            counted=known_design.counted,
            weights=weights,
        )
        for weights in ("variance", "equal")
    )
    enough = events(statistics, known_design.bounds) >= MIN_EVENTS
    a, b = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    known = enough[..., a] & enough[..., b] & np.isfinite(weighted.standard_error)
    if known_design.drawn is not None:
        known = known & np.logical_and.accumulate(known_design.drawn, axis=-1)[..., None]
    return Family(weighted, equal, known, _disagreement(weighted, equal))


def events(statistics: ArmStatistics, bounds: tuple[float, float] | None) -> FloatArray:
    """Count effective rewards per arm up to each batch, and misses where there are bounds.

    (Σx)²/Σx² with x the distance from a bound: for 0/1 rewards Σr and n − Σr, whichever
    is smaller. Without bounds every observation counts.
    """
    n = np.cumsum(statistics.n, axis=-2).astype(np.float64)
    if bounds is None:
        return n
    low, high = bounds
    first, second = (np.cumsum(s, axis=-2) for s in (statistics.sum_r, statistics.sum_r2))
    counted = []
    for total, squares in (
        (first - n * low, second - 2 * low * first + n * low**2),
        (n * high - first, n * high**2 - 2 * high * first + second),
    ):
        some = squares > 0
        counted.append(np.where(some, total**2 / np.where(some, squares, 1.0), 0.0))
    return np.minimum(*counted)


def _disagreement(weighted: Sequence, equal: Sequence) -> BoolArray:
    """Hausman's contrast: the efficient estimate against the one without weights.

    Where the effect is constant, the variance of their difference is the difference of their
    variances.
    """
    ready = np.isfinite(weighted.standard_error) & np.isfinite(equal.standard_error)
    wide = np.where(ready, equal.standard_error, 0.0)
    narrow = np.where(ready, weighted.standard_error, 0.0)
    spread = np.sqrt(np.maximum(wide**2 - narrow**2, 0.0))
    # Nearly equal weights leave nothing to contradict: a quarter of an error is noise.
    limit = np.maximum(DISAGREEMENT_Z * spread, 0.25 * narrow)
    contradicted: BoolArray = ready & (np.abs(weighted.estimate - equal.estimate) > limit)
    return contradicted
