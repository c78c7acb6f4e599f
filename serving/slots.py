"""One slot of a weights snapshot, compiled for drawing."""

from array import array
from bisect import bisect_right
from typing import NamedTuple

from include.contract.weights import Slot


class Draw(NamedTuple):
    """One slot's arm: its index, its share in buckets, and the bucket that was hit (−1: none)."""

    arm: int
    share: int
    bucket: int


class CompiledSlot:
    """One slot's bucket ranges as sorted arrays, searched by bisection.

    Parameters
    ----------
    slot
        Ranges covering the buckets 0 … 9,999 once, in order.
    arms
        Number of arms of the snapshot.
    """

    __slots__ = ("_owners", "_stops", "buckets")

    def __init__(self, slot: Slot, arms: int) -> None:
        self._stops = array("H", (stop for _, stop, _ in slot))
        self._owners = array("H", (arm for _, _, arm in slot))
        counts = [0] * arms
        for start, stop, arm in slot:
            counts[arm] += stop - start
        self.buckets = array("H", counts)

    def draw(self, bucket: int) -> Draw:
        """Return the arm that owns a bucket, with its share in buckets."""
        arm = self._owners[bisect_right(self._stops, bucket)]
        return Draw(arm, self.buckets[arm], bucket)
