"""From proposed shares to buckets: every limit in turn, with what it did in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from include.bandit.projection import project
from include.bandit.statistics import FloatArray
from include.contract.limits import Bounds, bucket_bounds, within_shift
from include.contract.rounding import round_shares
from include.contract.weights import BUCKETS
from include.experiments.schema import Experiment, LimitsDeclaration

_SMALLEST_MOVE: Final = 5e-6
# In the order in which they are applied; each is switched off by its value here.
_PROJECTED: Final[dict[str, object]] = {
    "reserved": {},
    "control_floor": 0.0,
    "largest_share": 1.0,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Shares after one limit, and what it did."""

    limit: str
    shares: tuple[float, ...]
    explanation: str


def apply_limits(
    proposed: FloatArray, experiment: Experiment, live: Sequence[int | None] | None
) -> tuple[tuple[Step, ...], tuple[int, ...]]:
    """Apply every declared limit to proposed shares, and round to buckets.

    First the additive floor p = f + (1 − Kf) w and the uniform slice s/K + (1 − s) p, which
    keep the order of arms and never break each other. Then reserved shares, control floor,
    largest share and largest shift, each added to the constraints of those before, as the
    Euclidean projection onto all of them. Last the integer buckets, within integer bounds.

    Parameters
    ----------
    proposed
        Shares that the policy asks for, ``(K,)``.
    experiment
        Whose limits hold.
    live
        Buckets per arm that were live, ``None`` for a new arm; ``None`` when nothing was.

    Returns
    -------
    tuple
        One step per declared limit and one for the buckets; the buckets, summing to 10,000.
    """
    limits, arms = experiment.limits, experiment.arms
    steps: list[Step] = []
    shares = proposed / proposed.sum()
    if limits.probability_floor > 0:
        after = additive(shares, limits.probability_floor)
        steps.append(described("probability_floor", shares, after, arms))
        shares = after
    if limits.uniform_slice > 0:
        after = additive(shares, limits.uniform_slice / len(arms))
        steps.append(described("uniform_slice", shares, after, arms))
        shares = after
    wanted = shares
    for name, bounds in _projections(experiment):
        after = project(wanted, _floats(bounds.lower), _floats(bounds.upper))
        steps.append(described(name, shares, after, arms))
        shares = after
    bounds, note = experiment.bucket_bounds(), ""
    if live is not None and limits.largest_shift < 1:
        bounds, shift = within_shift(bounds, [count or 0 for count in live], limits.largest_shift)
        if shift > limits.largest_shift * BUCKETS + 1:
            note = f"; widened to {shift / BUCKETS:g}, since other limits cannot hold within it"
        after = project(wanted, _floats(bounds.lower), _floats(bounds.upper))
        steps.append(described("largest_shift", shares, after, arms, note))
        shares = after
    buckets = round_shares([float(share) for share in shares], bounds)
    steps.append(described("buckets", shares, _floats(buckets), arms))
    return tuple(steps), buckets


def additive(shares: FloatArray, floor: float) -> FloatArray:
    """Return f + (1 − Kf) w: a floor for every arm, the rest divided as before.

    Clipping to the floor and dividing by the sum would push arms below it again.
    """
    return np.asarray(floor + (1 - shares.size * floor) * shares, np.float64)


def _projections(experiment: Experiment) -> list[tuple[str, Bounds]]:
    """Return the integer bounds after each declared limit, those before it included."""
    found, declared = [], experiment.limits
    for name, off in _PROJECTED.items():
        if getattr(declared, name) != off:
            later = dict(list(_PROJECTED.items())[list(_PROJECTED).index(name) + 1 :])
            sofar: LimitsDeclaration = declared.model_copy(update=later)
            found.append((name, bucket_bounds(experiment.arms, experiment.control, sofar)))
    return found


def _floats(buckets: Sequence[int]) -> FloatArray:
    return np.array(buckets, np.float64) / BUCKETS


def described(
    limit: str, before: FloatArray, after: FloatArray, arms: Sequence[str], note: str = ""
) -> Step:
    """Say what a limit did to the shares before it."""
    moved = np.abs(after - before)
    # The largest moves first; equal moves in arm order.
    order = np.argsort(-np.round(moved, 9), kind="stable")[:3]
    named = [
        f"{arms[arm]} {before[arm]:.4f} → {after[arm]:.4f}"
        for arm in order
        if moved[arm] > _SMALLEST_MOVE
    ]
    count = int(np.count_nonzero(moved > _SMALLEST_MOVE))
    more = f" and {count - len(named)} more" if count > len(named) else ""
    words = f"moved {', '.join(named)}{more}" if named else "moved nothing"
    return Step(limit, tuple(float(share) for share in after), words + note)
