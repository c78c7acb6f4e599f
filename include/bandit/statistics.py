"""Arm statistics: the sums that are Allot's whole state.

Posterior, allocation, confidence sequences, SRM and the value of context-free
policies are folds over these rows. Nothing is ever incremented; batches add
with ``+``.
"""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Counts, and in subclasses sums beside them: arrays of one shape ``(..., K)``, arms last."""

    n: IntArray

    def __post_init__(self) -> None:
        for field in fields(self):
            array = getattr(self, field.name)
            if array.shape != self.n.shape:
                raise ValueError(f"{field.name} has shape {array.shape}, n has {self.n.shape}")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"{field.name} holds a NaN or an infinity")
        if np.any(self.n < 0):
            raise ValueError("n holds a negative count")

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> Self:
        """Return the statistics of no observations."""
        kinds = {"n": np.int64}
        return cls(
            **{field.name: np.zeros(shape, kinds.get(field.name, float)) for field in fields(cls)}
        )

    def __add__(self, other: Self) -> Self:
        """Merge: the statistics of both sets of observations."""
        return type(self)(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )

    def pooled(self, axis: int) -> Self:
        """Sum over one leading axis, as batches or positions.

        Floats are added in the order of the axis, so equal inputs give equal bytes.
        """
        if axis in (-1, self.n.ndim - 1):
            raise ValueError("the last axis is the arms, which are never pooled")
        return type(self)(
            *(np.add.reduce(getattr(self, field.name), axis=axis) for field in fields(self))
        )


@dataclass(frozen=True, slots=True, eq=False)
class ArmStatistics(Sums):
    """Sums per arm of one batch, or of a fold of batches.

    Every array has the same shape ``(..., K)``: arms last; leading axes are what
    the caller keeps apart (positions, batches, replications).

    Attributes
    ----------
    n
        Observations. One is a unit within a batch and weights version (its rewards
        summed), or a row where the log has no unit, as in OBD.
    sum_r, sum_r2
        Σr and Σr².
    sum_ip, sum_ip2
        Σ1/p and Σ1/p², p the logged propensity.
    sum_r_ip, sum_r_ip2, sum_r2_ip2
        Σr/p, Σr/p² and Σr²/p².
    """

    sum_r: FloatArray
    sum_r2: FloatArray
    sum_ip: FloatArray
    sum_ip2: FloatArray
    sum_r_ip: FloatArray
    sum_r_ip2: FloatArray
    sum_r2_ip2: FloatArray
