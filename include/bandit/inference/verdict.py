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
    """

    estimate: FloatArray
    lower: FloatArray
    wins: BoolArray
    known: BoolArray
    disagreement: BoolArray


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
        alpha=_pair_level(alpha, arms),
    )
    sequence = found.weighted
    shape = (*sequence.estimate.shape[:-1], arms)
    estimate, lower = np.full(shape, np.inf), np.full(shape, np.inf)
    known, disagreement = np.ones(shape, np.bool_), np.zeros(shape, np.bool_)
    for index, (a, b) in enumerate(pairs):
        for arm, sign in ((a, 1.0), (b, -1.0)):
            effect = sign * sequence.estimate[..., index]
            np.minimum(estimate[..., arm], effect, out=estimate[..., arm])
            bound = effect - sequence.radius[..., index]
            np.minimum(lower[..., arm], bound, out=lower[..., arm])
            known[..., arm] &= found.known[..., index]
            disagreement[..., arm] |= found.disagreement[..., index]
    return BestOfRest(estimate, lower, known & (lower > 0), known, disagreement)


def _pair_level(alpha: float, arms: int) -> float:
    """Two-sided level per pair that leaves at most α/K to each direction.

    A symmetric sequence at level γ exceeds one side with chance (γ + P(both)) / 2, and both
    sides with less than γ².
    """
    if arms == 2:
        return alpha
    level = 2.0 * alpha / arms
    return level / (1.0 + level)
