"""Off-policy confidence sequences: intervals that hold at all looks at once.

`betting` (Waudby-Smith et al. 2210.10768; Karampatziakis et al. 2102.09540; Waudby-Smith &
Ramdas 2010.09686) holds for every n. Gamblers bet on the weighted rewards ξ = w r against
each value ν: if ν is true their wealth Π (1 + λ (ξ − ν)) is a martingale that reaches
2/α with probability at most α/2 (Ville), so values at which it did are excluded. Many
gamblers with bets λ on a grid share the stake, so nothing is tuned to the data.

It needs exact propensities, a policy fixed before the first row, and independent rows.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq

from include.bandit.feedback import EvaluationPolicy, Feedback
from include.bandit.ope.estimate import Interval
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

GAMBLERS = 20
LARGEST_BET = 0.9
_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Distinct pairs of weight and reward with their counts, shape (m,); they add with ``+``."""

    weight: FloatArray
    reward: FloatArray
    count: IntArray

    @classmethod
    def of(cls, weight: FloatArray, reward: FloatArray, count: IntArray | None = None) -> Self:
        """Count rows that agree in weight and reward; ``count``: how often each row came."""
        order = np.lexsort((reward, weight))
        weight, reward = weight[order], reward[order]
        often = np.ones(len(order), np.int64) if count is None else count[order]
        other = (np.diff(weight) != 0.0) | (np.diff(reward) != 0.0)
        starts = np.concatenate([[0], np.flatnonzero(other) + 1])
        return cls(weight[starts], reward[starts], np.add.reduceat(often, starts))

    def __add__(self, other: Self) -> Self:
        """Count the rows of both."""
        parts = ((getattr(self, name), getattr(other, name)) for name in self.__slots__)
        weight, reward, count = (np.concatenate(pair) for pair in parts)
        return type(self).of(weight, reward, count)


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Gamblers who say that the mean of their scores is larger than ``at(ν)``."""

    scores: FloatArray  # ≥ −bound
    count: IntArray
    slope: float  # at(ν) = offset + slope ν
    offset: float
    largest_bet: float

    def cells(self) -> tuple[FloatArray, IntArray]:
        """Return the distinct scores and how often each came."""
        one = Scored.of(self.scores, np.zeros_like(self.scores), self.count)
        return one.weight, one.count


def betting(
    data: Feedback,
    policy: EvaluationPolicy,
    looks: IntArray,
    level: float = 0.95,
    *,
    smallest_pscore: float | None = None,
    reward_range: tuple[float, float] = (0.0, 1.0),
) -> list[Interval]:
    """Return the interval at each look; together they hold with the level.

    Parameters
    ----------
    data
        The log, in the order of time.
    policy
        Evaluation policy, fixed before the log.
    looks
        Ascending numbers of rows after which one looks.
    level
        Confidence that every interval holds the value.
    smallest_pscore
        Lowest propensity that was possible, known beforehand; it makes the upper end tighter.
    reward_range
        What a reward cannot leave.

    Raises
    ------
    EvaluationError
        If rows are clustered, a reward leaves its range, or looks do not ascend.
    """
    log = weighted(data, policy, None)
    looks = np.asarray(looks)
    if not isinstance(log, Rows) or log.cluster is not None:
        raise EvaluationError("a betting sequence needs independent rows; these are clustered")
    if looks.size == 0 or looks[0] < 1 or looks[-1] > data.n or np.any(np.diff(looks) <= 0):
        raise EvaluationError(f"looks must ascend within 1 … {data.n}")
    largest = None
    if smallest_pscore is not None:
        largest = _largest_weight(float(log.weight.max()), policy, smallest_pscore)
    ends = (0.0, 1.0)
    found: list[Interval] = []
    for look in looks.tolist():
        scored = Scored.of(log.weight[:look], log.reward[:look])
        ends = _narrowed(ends, scored, level, largest, reward_range)
        found.append(_interval(ends, level, reward_range))
    return found


def betting_on(
    scored: Scored,
    policy: EvaluationPolicy,
    level: float = 0.95,
    *,
    smallest_pscore: float | None = None,
    reward_range: tuple[float, float] = (0.0, 1.0),
) -> Interval:
    """Return what `betting` says at one look at a whole log of independent rows.

    Parameters
    ----------
    scored
        Distinct weights and rewards of the log, in whatever order they came: wealth at
        one look knows no order.
    policy, level, smallest_pscore, reward_range
        As for `betting`.
    """
    largest = None
    if smallest_pscore is not None:
        largest = _largest_weight(float(scored.weight.max()), policy, smallest_pscore)
    ends = _narrowed((0.0, 1.0), scored, level, largest, reward_range)
    return _interval(ends, level, reward_range)


def asymptotic(value: float, variance: float, n: int, level: float, tuned_for: int) -> Interval:
    """Return the asymptotic confidence sequence at n rows (Waudby-Smith et al. 2103.06476, eq. 14).

    value ± √V √(2 (n ρ² + 1) / (n ρ²) · ln(√(n ρ² + 1) / α)), with ρ such that it is tightest
    near ``tuned_for`` rows. For estimates without a bound on their scores, as DR; it holds
    at all looks from a first one at which the normal approximation is good.
    """
    if n < 1 or tuned_for < 1:
        raise EvaluationError(
            f"a sequence at {n} rows, tuned for {tuned_for}: both must be positive"
        )
    alpha = 1.0 - level
    rho = (-2.0 * np.log(alpha) + np.log(-2.0 * np.log(alpha) + 1.0)) / tuned_for
    scale = n * rho + 1.0
    half = float(np.sqrt(variance * 2.0 * scale / (n * rho) * np.log(np.sqrt(scale) / alpha)))
    return Interval("asymptotic", level, value - half, value + half)


def _narrowed(
    ends: tuple[float, float],
    scored: Scored,
    level: float,
    largest: float | None,
    reward_range: tuple[float, float],
) -> tuple[float, float]:
    """Intersect earlier ends, on the scale of [0, 1], with those of one look."""
    low, high = reward_range
    weight, count = scored.weight, scored.count
    if scored.reward.min() < low or scored.reward.max() > high:
        raise EvaluationError(f"a reward leaves its declared range [{low}, {high}]")
    reward = (scored.reward - low) / (high - low)
    below = [_Side(weight * reward, count, 1.0, 0.0, LARGEST_BET)]
    # 1 − ν is the mean of w (1 − r), which is ≥ 0 however large a weight may be.
    above = [_Side(weight * (1.0 - reward), count, -1.0, 1.0, LARGEST_BET)]
    if largest is not None:
        above.append(_Side(-weight * reward, count, -1.0, 0.0, LARGEST_BET / largest))
    target = float(np.log(2.0 / (1.0 - level)))
    lower = max(ends[0], _bound(below, target, rising=False))
    upper = min(ends[1], _bound(above, target, rising=True))
    # Crossed bounds (probability ≤ α) say that some assumption is broken; keep them ordered.
    return min(lower, upper), max(lower, upper)


def _interval(
    ends: tuple[float, float], level: float, reward_range: tuple[float, float]
) -> Interval:
    low, high = reward_range
    return Interval("betting", level, *(low + (high - low) * end for end in ends))


def _largest_weight(seen: float, policy: EvaluationPolicy, smallest: float) -> float:
    table = policy if isinstance(policy, np.ndarray) else policy.probability
    largest = float(table.max()) / smallest
    if seen > largest * (1.0 + 1e-9):
        raise EvaluationError(
            f"a propensity is below the declared smallest one, {smallest}: weight "
            f"{seen:.4g} exceeds {largest:.4g}"
        )
    return largest


def _bound(sides: list[_Side], target: float, *, rising: bool) -> float:
    """Return the ν at which the pooled wealth reaches the target.

    Wealth falls in ν for the gamblers below and rises for those above.
    """
    cells = [side.cells() for side in sides]

    def excess(value: float) -> float:
        return _log_wealth(sides, cells, value) - target

    if excess(1.0 if rising else 0.0) < 0.0:
        return 1.0 if rising else 0.0
    if excess(0.0 if rising else 1.0) >= 0.0:
        return 0.0 if rising else 1.0
    root = float(brentq(excess, 0.0, 1.0, xtol=_TOLERANCE, rtol=8.9e-16))
    # The root is known to the tolerance; step to the side that is surely not excluded.
    return min(root + _TOLERANCE, 1.0) if rising else max(root - _TOLERANCE, 0.0)


def _log_wealth(
    sides: list[_Side], cells: list[tuple[FloatArray, IntArray]], value: float
) -> float:
    logs = []
    for side, (scores, counts) in zip(sides, cells, strict=True):
        centred = scores - (side.offset + side.slope * value)
        bets = side.largest_bet * 0.5 ** np.arange(GAMBLERS)[:, np.newaxis]
        logs.append(np.log1p(bets * centred) @ counts)
    wealth = np.concatenate(logs)
    # scipy.special.logsumexp costs more than the logarithms it adds.
    most = float(wealth.max())
    return most + float(np.log(np.exp(wealth - most).mean()))
