"""Shares to integer buckets by largest remainders, within bounds that never give way."""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import floor, isclose, isfinite

from include.contract.limits import Bounds
from include.contract.weights import BUCKETS

# Remainders that differ by less are ties: float noise must not decide who gets a bucket.
_DECIMALS = 7


def round_shares(shares: Sequence[float], bounds: Bounds) -> tuple[int, ...]:
    """Round shares to 10,000 buckets by largest remainders.

    Every arm starts with the whole buckets of its share, moved into its bounds. Missing
    buckets go to the arms that lack most and are below their cap; surplus buckets are
    taken from the arms that exceed most and are above their floor. Ties go to the lower
    arm index. Shares within the bounds end less than one bucket away from what was meant.

    Parameters
    ----------
    shares
        One share per arm, finite, non-negative, summing to 1.
    bounds
        Feasible bounds, as of `bucket_bounds`.

    Returns
    -------
    tuple of int
        Buckets per arm, summing to 10,000, all within the bounds.

    Raises
    ------
    ValueError
        If the shares are no distribution or the bounds are not feasible.
    """
    _check(shares, bounds)
    exact = [round(share * BUCKETS, _DECIMALS) for share in shares]
    buckets = [
        min(max(floor(value), low), high)
        for value, low, high in zip(exact, bounds.lower, bounds.upper, strict=True)
    ]
    missing = BUCKETS - sum(buckets)
    step, limit = (1, bounds.upper) if missing > 0 else (-1, bounds.lower)
    # Tuples compare by what is lacking first, then by arm index: ties go to the lower one.
    queue = [
        (round(step * (held - value), _DECIMALS), arm)
        for arm, (held, value) in enumerate(zip(buckets, exact, strict=True))
        if held != limit[arm]
    ]
    heapify(queue)
    for _ in range(abs(missing)):
        excess, arm = heappop(queue)
        buckets[arm] += step
        if buckets[arm] != limit[arm]:
            heappush(queue, (round(excess + 1, _DECIMALS), arm))
    return tuple(buckets)


def default_buckets(
    arms: Sequence[str], declared: Mapping[str, float] | None, bounds: Bounds
) -> tuple[int, ...]:
    """Return the buckets of weights version 0: the declared default shares, or uniform.

    Raises
    ------
    ValueError
        If declared shares do not sum to 1, or one breaks the limits.
    """
    if declared is None:
        return round_shares([1 / len(arms)] * len(arms), bounds)
    shares = [declared.get(arm, 0.0) for arm in arms]
    if not isclose(sum(shares), 1.0, abs_tol=1e-9):
        raise ValueError(f"default_shares sum to {sum(shares)}, not to 1")
    for arm, share, low, high in zip(arms, shares, bounds.lower, bounds.upper, strict=True):
        # Less than a whole bucket outside is rounding, not a broken limit.
        if not low - 1 < share * BUCKETS < high + 1:
            raise ValueError(
                f"default_shares.{arm} {share} breaks limits: {low} to {high} buckets of {BUCKETS}"
            )
    return round_shares(shares, bounds)


def _check(shares: Sequence[float], bounds: Bounds) -> None:
    if not all(isfinite(share) and share >= 0 for share in shares):
        raise ValueError("shares hold a NaN, an infinity or a negative share")
    if len(shares) != len(bounds.lower):
        raise ValueError(f"{len(shares)} shares, but bounds for {len(bounds.lower)} arms")
    if not isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise ValueError(f"shares sum to {sum(shares)}, not to 1")
    if not bounds.feasible:
        raise ValueError("bounds are not feasible")
