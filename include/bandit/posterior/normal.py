"""The Normal posterior of a mean reward."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from include.bandit.posterior.family import LOG_DROP, Index, as_array, check_finite, check_positive
from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class NormalPosterior:
    """Normal(location, scale²) of a mean reward; the coordinate is the mean itself."""

    location: FloatArray
    scale: FloatArray
    family: str = "normal"

    def __post_init__(self) -> None:
        check_positive(self.family, scale=self.scale)
        check_finite(self.family, location=self.location)

    def __getitem__(self, index: Index) -> "NormalPosterior":
        """Take entries of the arrays."""
        return NormalPosterior(self.location[index], self.scale[index])

    def params(self) -> dict[str, FloatArray]:
        """Return location and scale by name."""
        return {"location": self.location, "scale": self.scale}

    def mean(self) -> FloatArray:
        """Return the location."""
        return self.location

    def sd(self) -> FloatArray:
        """Return the scale."""
        return self.scale

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return P(mean ≤ value)."""
        return as_array(special.ndtr((value - self.location) / self.scale))

    def quantile(self, level: float) -> FloatArray:
        """Return the mean below which the mass `level` lies."""
        return as_array(self.location + self.scale * special.ndtri(level))

    def bulk(self) -> tuple[FloatArray, FloatArray]:
        """Return the values between which all but 1e-14 of the mass lies."""
        reach = self.scale * np.sqrt(2 * LOG_DROP)
        return self.location - reach, self.location + reach

    def local_scale(self, at: float) -> FloatArray:  # noqa: ARG002
        """Return the scale, the same everywhere."""
        return self.scale

    def density(self, at: FloatArray) -> FloatArray:
        """Return the density relative to its mode, at ``(N, 1)`` → ``(N, K)``."""
        return np.exp(-0.5 * ((at - self.location) / self.scale) ** 2)

    def below(self, at: float) -> tuple[FloatArray, FloatArray]:
        """Return the mass below and above a value."""
        z = (at - self.location) / self.scale
        return as_array(special.ndtr(z)), as_array(special.ndtr(-z))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the coordinate itself."""
        return at
