"""Limits on traffic as integer buckets: floors rounded up, caps rounded down.

Limits become integers *before* shares are rounded, so that every limit holds in
the buckets that are published, not only in the shares that were meant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Protocol

from include.contract.weights import BUCKETS
from include.errors import InfeasibleLimitsError


class Limits(Protocol):
    """The declared limits that do not look back; `LimitsDeclaration` is one."""

    @property
    def probability_floor(self) -> float: ...  # noqa: D102
    @property
    def uniform_slice(self) -> float: ...  # noqa: D102
    @property
    def largest_share(self) -> float: ...  # noqa: D102
    @property
    def control_floor(self) -> float: ...  # noqa: D102
    @property
    def reserved(self) -> Mapping[str, float]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Bounds:
    """Fewest and most buckets that every arm may hold in one slot, in arm order."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]

    @property
    def feasible(self) -> bool:
        """Whether some 10,000 buckets respect the bounds."""
        ordered = all(low <= high for low, high in zip(self.lower, self.upper, strict=True))
        return ordered and sum(self.lower) <= BUCKETS <= sum(self.upper)


def additive_floor(limits: Limits, arms: int) -> float:
    """Join probability floor f and uniform slice s to one additive floor per arm.

    A slice s of traffic is uniform; the rest keeps the floor: f' = f + s(1/K − f).
    Both identities hold at once: p = f' + (1 − Kf')w = s/K + (1 − s)(f + (1 − Kf)w).
    """
    return float(_additive_floor(limits, arms))


def bucket_bounds(arms: Sequence[str], control: str | None, limits: Limits) -> Bounds:
    """Turn declared limits into bucket bounds per arm.

    The probability floor, reserved shares and the control floor are least shares and
    are rounded up; the largest share is rounded down. The uniform slice is a mixture,
    not a bound: its share per arm is rounded down.

    Raises
    ------
    InfeasibleLimitsError
        If no 10,000 buckets respect the limits, naming those that clash.
    """
    if len(arms) > BUCKETS:
        raise InfeasibleLimitsError(
            f"{len(arms):,} arms cannot share {BUCKETS:,} buckets; declare at most {BUCKETS:,} arms"
        )
    if limits.control_floor > 0 and control is None:
        raise InfeasibleLimitsError("limits.control_floor is declared, but no arm is the control")
    common = {
        "probability_floor": ceil(_exact(limits.probability_floor) * BUCKETS),
        "uniform_slice": floor(_additive_floor(limits, len(arms)) * BUCKETS),
    }
    floors = [common | _floors_of(arm, control, limits) for arm in arms]
    cap = floor(_exact(limits.largest_share) * BUCKETS)
    bounds = Bounds(tuple(max(named.values()) for named in floors), (cap,) * len(arms))
    if not bounds.feasible:
        raise InfeasibleLimitsError(_clash(arms, floors, bounds, limits))
    return bounds


def within_shift(bounds: Bounds, live: Sequence[int], largest_shift: float) -> tuple[Bounds, int]:
    """Narrow bounds so that no arm moves far from the buckets that were live.

    Declared floors and caps come first: where they cannot hold within the shift (a
    new arm must enter at the floor, a new revision lowers a cap), the shift is widened
    to the smallest number of buckets that lets them hold.

    Parameters
    ----------
    bounds
        Feasible bounds of the other limits.
    live
        Live buckets per arm; 0 for an arm that was not there.
    largest_shift
        Declared largest shift, as a share.

    Returns
    -------
    tuple
        The narrowed bounds, always feasible, and the shift in buckets that they allow.
    """
    declared = floor(_exact(largest_shift) * BUCKETS)
    low, high = declared, max(BUCKETS, declared)
    while low < high:
        middle = (low + high) // 2
        if _shifted(bounds, live, middle).feasible:
            high = middle
        else:
            low = middle + 1
    return _shifted(bounds, live, low), low


def _shifted(bounds: Bounds, live: Sequence[int], shift: int) -> Bounds:
    both = list(zip(bounds.lower, bounds.upper, live, strict=True))
    return Bounds(
        tuple(min(max(low, now - shift), high) for low, high, now in both),
        tuple(max(min(high, now + shift), low) for low, high, now in both),
    )


def _exact(share: float) -> Fraction:
    # 0.07 * 10_000 is 700.0000000000001 in floats; the decimal that was written is meant.
    return Fraction(repr(float(share)))


def _additive_floor(limits: Limits, arms: int) -> Fraction:
    floor_share = _exact(limits.probability_floor)
    return floor_share + _exact(limits.uniform_slice) * (Fraction(1, arms) - floor_share)


def _floors_of(arm: str, control: str | None, limits: Limits) -> dict[str, int]:
    named = {}
    if arm in limits.reserved:
        named[f"reserved.{arm}"] = ceil(_exact(limits.reserved[arm]) * BUCKETS)
    if arm == control:
        named["control_floor"] = ceil(_exact(limits.control_floor) * BUCKETS)
    return named


def _clash(
    arms: Sequence[str], floors: Sequence[dict[str, int]], bounds: Bounds, limits: Limits
) -> str:
    cap, least = bounds.upper[0], sum(bounds.lower)
    for arm, named, low in zip(arms, floors, bounds.lower, strict=True):
        if low > cap:
            binding = max(named, key=lambda name: named[name])
            return (
                f"limits.{binding} gives arm {arm!r} at least {low:,} buckets, but "
                f"limits.largest_share {limits.largest_share} allows {cap:,}"
            )
    if least > BUCKETS:
        binding_names = sorted(
            {max(named, key=lambda n: named[n]) for named in floors if any(named.values())}
        )
        return (
            f"limits.{', limits.'.join(binding_names)} together take {least:,} of "
            f"{BUCKETS:,} buckets (floors are rounded up to whole buckets); lower them"
        )
    return (
        f"limits.largest_share {limits.largest_share} lets {len(arms)} arms hold only "
        f"{cap * len(arms):,} of {BUCKETS:,} buckets; raise it"
    )
