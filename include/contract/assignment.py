"""Assignment: a salted hash puts a unit into one of 10,000 buckets; the bucket has an arm.

The same function answers a live decision and recomputes it in an audit.
"""

import hashlib
from dataclasses import dataclass

from include.contract.weights import BUCKETS, POOLED_CELL, WeightsContent


@dataclass(frozen=True, slots=True)
class Assignment:
    """An arm with the exact probability with which it was drawn.

    Attributes
    ----------
    arm
        Arm index.
    bucket
        Bucket in 0 … 9,999 into which the unit fell.
    propensity
        Buckets of the arm / 10,000: the realised share, exact.
    """

    arm: int
    bucket: int
    propensity: float


def bucket_of(salt: str, experiment: str, unit: str, slot: int = 0) -> int:
    """Hash a unit into a bucket, uniform over 0 … 9,999.

    The first 8 bytes of SHA-256 over the length-prefixed parts, modulo 10,000
    (bias below 6e-16). Length prefixes keep ("a", "bc") and ("ab", "c") apart.

    Parameters
    ----------
    salt
        Salt of the weights snapshot.
    experiment
        Slug.
    unit
        Unit id; the decision id where there is no unit.
    slot
        Position in a slate; every slot draws independently.
    """
    return bucket_in(unit_hasher(salt, experiment), unit.encode("utf-8"), slot)


def unit_hasher(salt: str, experiment: str) -> "hashlib._Hash":
    """Start the hash of `bucket_of` with what all units of a snapshot share."""
    digest = hashlib.sha256()
    for part in (salt, experiment):
        digest.update(_prefixed(part.encode("utf-8")))
    return digest


def bucket_in(hasher: "hashlib._Hash", unit: bytes, slot: int = 0) -> int:
    """Finish the hash of `bucket_of` for one unit, given in UTF-8; the hasher is not changed."""
    digest = hasher.copy()
    digest.update(_prefixed(unit) + _prefixed(b"%d" % slot))
    return int.from_bytes(digest.digest()[:8], "big") % BUCKETS


def _prefixed(part: bytes) -> bytes:
    return len(part).to_bytes(4, "big") + part


def assign(
    content: WeightsContent, unit: str, cell: str = POOLED_CELL, slot: int = 0
) -> Assignment:
    """Assign a unit to an arm under a weights snapshot.

    Raises
    ------
    KeyError
        If the snapshot has no such cell.
    IndexError
        If the cell has no such slot.
    """
    ranges = content.cells[cell][slot]
    bucket = bucket_of(content.salt, content.experiment, unit, slot)
    arm = next(arm for start, stop, arm in ranges if start <= bucket < stop)
    share = sum(stop - start for start, stop, other in ranges if other == arm)
    return Assignment(arm=arm, bucket=bucket, propensity=share / BUCKETS)
