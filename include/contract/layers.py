"""Who may take part at all: a slice of units per experiment of a layer, and nobody of the holdout.

Salted hashes of their own: which layer slice a unit is in says nothing about its arm, about its
place in another layer, or about the holdout.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from include.contract.assignment import bucket_in, unit_hasher

if TYPE_CHECKING:
    import hashlib

LAYER_SALT: Final = "allot.layer/1"
HOLDOUT_SALT: Final = "allot.holdout/1"


class Slice(NamedTuple):
    """Units of a layer that one experiment may have: buckets first … stop − 1 of 10,000."""

    layer: str
    first: int
    stop: int

    def holds(self, unit: str) -> bool:
        """Tell whether a unit belongs to it; slices of a layer never share one."""
        bucket = bucket_in(_hasher(LAYER_SALT, self.layer), unit.encode("utf-8"))
        return self.first <= bucket < self.stop


def held_out(unit: str, buckets: int) -> bool:
    """Tell whether a unit is kept out of every experiment.

    A unit that is held out still is when the holdout grows.

    Parameters
    ----------
    unit
        Unit id; the decision id where there is no unit.
    buckets
        Buckets of 10,000 that are held out.
    """
    return bucket_in(_hasher(HOLDOUT_SALT, "*"), unit.encode("utf-8")) < buckets


def free_slice(taken: list[tuple[int, int]], width: int, last: int) -> int | None:
    """Return where the first gap of a width begins, below ``last``; ``None`` without one."""
    start = 0
    for first, stop in sorted(taken):
        if first - start >= width:
            return start
        start = max(start, stop)
    return start if last - start >= width else None


@lru_cache(maxsize=1_024)
def _hasher(salt: str, name: str) -> "hashlib._Hash":
    return unit_hasher(salt, name)
