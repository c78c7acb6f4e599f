"""What every family of posteriors offers.

Each has a *coordinate* in which its density is smooth, and what the quadrature of
`include.bandit.quadrature` needs there: where its bulk lies, how fast its density varies,
the density up to a constant, and the exact distribution function at one point.
"""

from typing import Final, Protocol, TypeAlias

import numpy as np

from include.bandit.statistics import FloatArray, IntArray

# A density that fell by e^−34 carries less than 1e-14 of mass beyond.
LOG_DROP: Final = 34.0
TAIL: Final = 1e-14

Index: TypeAlias = int | slice | IntArray | tuple[int, ...]


class Posterior(Protocol):
    """What every family offers; arrays have shape ``(..., K)``, arms last."""

    @property
    def family(self) -> str: ...  # noqa: D102
    def params(self) -> dict[str, FloatArray]: ...  # noqa: D102
    def __getitem__(self, index: Index) -> "Posterior": ...
    def mean(self) -> FloatArray: ...  # noqa: D102
    def sd(self) -> FloatArray: ...  # noqa: D102
    def cdf(self, value: FloatArray) -> FloatArray: ...  # noqa: D102
    def quantile(self, level: float) -> FloatArray: ...  # noqa: D102
    def bulk(self) -> tuple[FloatArray, FloatArray]: ...  # noqa: D102
    def local_scale(self, at: float) -> FloatArray: ...  # noqa: D102
    def density(self, at: FloatArray) -> FloatArray: ...  # noqa: D102
    def below(self, at: float) -> tuple[FloatArray, FloatArray]: ...  # noqa: D102
    def value(self, at: FloatArray) -> FloatArray: ...  # noqa: D102


def as_array(value: object) -> FloatArray:
    """Give scipy's untyped answers their type."""
    return np.asarray(value, dtype=np.float64)


def check_finite(family: str, **arrays: FloatArray) -> None:
    """Refuse parameters that are NaN or infinite, by name."""
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{family} posterior: {name} holds a NaN or an infinity")


def check_positive(family: str, **arrays: FloatArray) -> None:
    """Refuse parameters that are not positive everywhere, by name."""
    check_finite(family, **arrays)
    for name, array in arrays.items():
        if np.any(array <= 0):
            raise ValueError(f"{family} posterior: {name} is not positive everywhere")
