"""Verdicts: what an experiment may say at any look, with an error of α over all looks and arms.

Two families of claims, each by `sequence.confidence_sequence`:

* **arm − control**, two-sided, α divided over the K − 1 arms (union). The intervals are
  simultaneous.
* **best − rest**: arm b is declared best when every b − j excludes zero from above. Some arm is
  truly best, and a false winner must wrongly beat it, so that one one-sided error per arm is
  all that is spent: α/K each, not α over all K(K − 1)/2 pairs.

With two arms both are the same statement. With a control and more arms both families
are asked for, and each gets α/2: together α per experiment.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.inference.family import BoolArray, Design, Family, family
from include.bandit.inference.sequence import Sequence
from include.bandit.statistics import ArmStatistics, FloatArray

# Half a million pairs: more would need gigabytes.
MOST_ARMS: Final = 1000


def against_control(
    statistics: ArmStatistics,
    control: int,
    design: Design | None = None,
    *,
    alpha: float = 0.05,
) -> Family:
    """Return arm − control for every other arm, simultaneously at ``alpha`` (union over arms)."""
    arms = statistics.n.shape[-1]
    if not 0 <= control < arms:
        raise ValueError(f"control {control} is not one of {arms} arms")
    pairs = tuple((arm, control) for arm in range(arms) if arm != control)
    return family(
        statistics,
        pairs,
        design,
        alpha=alpha / max(len(pairs), 1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class BestOfRest:
    """Every arm against the best of the rest, arrays ``(..., batches, K)``.

    Attributes
    ----------
    estimate
        Smallest estimate of arm − j over the other arms j.
    lower
        Smallest lower bound over the other arms; simultaneous over arms, looks: 1 − α.
    wins
        Where the arm is declared best (at most one arm per look).
    known
        Where every pair of the arm is known.
    disagreement
        Where a pair of the arm is contradicted by the equal-weight sequence.
    equal_estimate, equal_lower
        The same of the equal-weight sequence.
    p_value
        Always-valid p-value of "another arm is at least as good": at most α once the arm's
        lower bound was above zero at some look. Valid for all arms at once: the smallest is
        the experiment's.
    """

    estimate: FloatArray
    lower: FloatArray
    wins: BoolArray
    known: BoolArray
    disagreement: BoolArray
    equal_estimate: FloatArray
    equal_lower: FloatArray
    p_value: FloatArray


def best_of_rest(
    statistics: ArmStatistics,
    design: Design | None = None,
    *,
    alpha: float = 0.05,
) -> BestOfRest:
    """Return every arm − best of the rest, with a false winner's chance of at most ``alpha``."""
    arms = statistics.n.shape[-1]
    if arms > MOST_ARMS:
        raise ValueError(
            f"best of rest compares every pair of arms: {arms:,} arms are more than {MOST_ARMS}; "
            "declare a control and ask for arm − control"
        )
    pairs = tuple((a, b) for a in range(arms) for b in range(a + 1, arms))
    found = family(
        statistics,
        pairs,
        design,
        alpha=pair_level(alpha, arms),
    )
    known, disagreement = _over_pairs(found, arms)
    estimate, lower = _worst(found.weighted, arms)
    equal_estimate, equal_lower = _worst(found.equal, arms)
    return BestOfRest(
        estimate=estimate,
        lower=lower,
        wins=known & (lower > 0),
        known=known,
        disagreement=disagreement,
        equal_estimate=equal_estimate,
        equal_lower=equal_lower,
        p_value=_p_value(found.weighted, arms),
    )


def _worst(sequence: Sequence, arms: int) -> tuple[FloatArray, FloatArray]:
    """Return every arm's smallest estimate and smallest lower bound over its pairs."""
    shape = (*sequence.estimate.shape[:-1], arms)
    estimate, lower = np.full(shape, np.inf), np.full(shape, np.inf)
    for index, pair in enumerate(sequence.pairs):
        for arm, sign in zip(pair, (1.0, -1.0), strict=True):
            effect = sign * sequence.estimate[..., index]
            np.minimum(estimate[..., arm], effect, out=estimate[..., arm])
            bound = effect - sequence.radius[..., index]
            np.minimum(lower[..., arm], bound, out=lower[..., arm])
    return estimate, lower


def _over_pairs(found: Family, arms: int) -> tuple[BoolArray, BoolArray]:
    shape = (*found.known.shape[:-1], arms)
    known, disagreement = np.ones(shape, np.bool_), np.zeros(shape, np.bool_)
    for index, pair in enumerate(found.weighted.pairs):
        for arm in pair:
            known[..., arm] &= found.known[..., index]
            disagreement[..., arm] |= found.disagreement[..., index]
    return known, disagreement


def _p_value(sequence: Sequence, arms: int) -> FloatArray:
    """Return the level at which every arm would have been declared best so far.

    A pair speaks for an arm only by looks at which its p-value fell while the arm led: what a
    crossing on the other side has shown is not the arm's. The largest over the pairs is then
    taken back through `pair_level`.
    """
    fell = np.diff(sequence.p_value, axis=-2, prepend=1.0) < 0
    largest = np.zeros((*sequence.estimate.shape[:-1], arms))
    for index, pair in enumerate(sequence.pairs):
        for arm, sign in zip(pair, (1.0, -1.0), strict=True):
            led = fell[..., index] & (sign * sequence.estimate[..., index] > 0)
            seen = np.where(led, sequence.p_value[..., index], 1.0)
            own = np.minimum.accumulate(seen, axis=-1)
            np.maximum(largest[..., arm], own, out=largest[..., arm])
    if arms == 2:
        return largest
    # γ = x / (1 + x) with x = 2 α / K, solved for α.
    some = np.minimum(largest, 0.999)
    return np.asarray(np.minimum(1.0, arms * some / (2.0 * (1.0 - some))))


def pair_level(alpha: float, arms: int) -> float:
    """Two-sided level per pair that leaves at most α/K to each direction.

    A symmetric sequence at level γ exceeds one side with chance (γ + P(both)) / 2, and both
    sides with less than γ².
    """
    if arms == 2:
        return alpha
    level = 2.0 * alpha / arms
    return level / (1.0 + level)
