"""Off-policy confidence sequences: intervals that hold at all looks at once.

`betting` (Waudby-Smith et al. 2210.10768; Karampatziakis et al. 2102.09540; Waudby-Smith &
Ramdas 2010.09686) holds for every n. Gamblers bet on the weighted rewards ξ = w r against
each value ν: if ν is true their wealth Π (1 + λ (ξ − ν)) is a martingale that reaches
2/α with probability at most α/2 (Ville), so values at which it did are excluded. Many
gamblers with bets λ on a grid share the stake, so nothing is tuned to the data.

It needs exact propensities, a policy fixed before the first row, and independent rows.
"""

from dataclasses import dataclass

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
class _Side:
    """Gamblers who say that the mean of their scores is larger than ``at(ν)``."""

    scores: FloatArray  # ≥ −bound, in the order of the log
    slope: float  # at(ν) = offset + slope ν
    offset: float
    largest_bet: float


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
    low, high = reward_range
    log = weighted(data, policy, None)
    looks = np.asarray(looks)
    if not isinstance(log, Rows) or log.cluster is not None:
        raise EvaluationError("a betting sequence needs independent rows; these are clustered")
    if looks.size == 0 or looks[0] < 1 or looks[-1] > data.n or np.any(np.diff(looks) <= 0):
        raise EvaluationError(f"looks must ascend within 1 … {data.n}")
    if log.reward.min() < low or log.reward.max() > high:
        raise EvaluationError(f"a reward leaves its declared range [{low}, {high}]")
    reward = (log.reward - low) / (high - low)
    below = [_Side(log.weight * reward, 1.0, 0.0, LARGEST_BET)]
    # 1 − ν is the mean of w (1 − r), which is ≥ 0 however large a weight may be.
    above = [_Side(log.weight * (1.0 - reward), -1.0, 1.0, LARGEST_BET)]
    if smallest_pscore is not None:
        largest = _largest_weight(log, policy, smallest_pscore)
        above.append(_Side(-log.weight * reward, -1.0, 0.0, LARGEST_BET / largest))
    target = np.log(2.0 / (1.0 - level))
    lower, upper, intervals = 0.0, 1.0, []
    for look in looks.tolist():
        lower = max(lower, _bound(below, look, target, rising=False))
        upper = min(upper, _bound(above, look, target, rising=True))
        # Crossed bounds (probability ≤ α) say that some assumption is broken; keep them ordered.
        lower, upper = min(lower, upper), max(lower, upper)
        ends = low + (high - low) * np.array([lower, upper])
        intervals.append(Interval("betting", level, float(ends[0]), float(ends[1])))
    return intervals


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


def _largest_weight(log: Rows, policy: EvaluationPolicy, smallest: float) -> float:
    table = policy if isinstance(policy, np.ndarray) else policy.probability
    largest = float(table.max()) / smallest
    if log.weight.max() > largest * (1.0 + 1e-9):
        raise EvaluationError(
            f"a propensity is below the declared smallest one, {smallest}: weight "
            f"{log.weight.max():.4g} exceeds {largest:.4g}"
        )
    return largest


def _bound(sides: list[_Side], look: int, target: float, *, rising: bool) -> float:
    """Return the ν at which the pooled wealth reaches the target.

    Wealth falls in ν for the gamblers below and rises for those above.
    """
    cells = [np.unique(side.scores[:look], return_counts=True) for side in sides]

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
