"""The Student-t posterior of a mean reward whose variance is unknown."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from include.bandit.posterior.family import TAIL, Index, as_array, check_finite, check_positive
from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class StudentPosterior:
    """Student-t(location, scale, df): the marginal mean of a Normal–inverse-gamma.

    Degrees of freedom exceed 2, so that mean and standard deviation exist.
    """

    location: FloatArray
    scale: FloatArray
    df: FloatArray
    family: str = "student"

    def __post_init__(self) -> None:
        check_positive(self.family, scale=self.scale, df_above_two=self.df - 2)
        check_finite(self.family, location=self.location)

    def __getitem__(self, index: Index) -> "StudentPosterior":
        """Take entries of the arrays."""
        return StudentPosterior(self.location[index], self.scale[index], self.df[index])

    def params(self) -> dict[str, FloatArray]:
        """Return location, scale and degrees of freedom by name."""
        return {"location": self.location, "scale": self.scale, "df": self.df}

    def mean(self) -> FloatArray:
        """Return the location."""
        return self.location

    def sd(self) -> FloatArray:
        """Return scale · √(ν / (ν − 2))."""
        return self.scale * np.sqrt(self.df / (self.df - 2))

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return P(mean ≤ value)."""
        return as_array(special.stdtr(self.df, (value - self.location) / self.scale))

    def quantile(self, level: float) -> FloatArray:
        """Return the mean below which the mass `level` lies."""
        return as_array(self.location + self.scale * special.stdtrit(self.df, level))

    def bulk(self) -> tuple[FloatArray, FloatArray]:
        """Return the values between which all but 1e-14 of the mass lies on each side."""
        reach = -self.scale * as_array(special.stdtrit(self.df, TAIL))
        return self.location - reach, self.location + reach

    def local_scale(self, at: float) -> FloatArray:
        """Return over which distance the density varies: wider in the algebraic tails."""
        z = (at - self.location) / self.scale
        return self.scale * np.sqrt(1 + z**2 / np.maximum(self.df, 4.0))

    def density(self, at: FloatArray) -> FloatArray:
        """Return the density relative to its mode, at ``(N, 1)`` → ``(N, K)``."""
        z = (at - self.location) / self.scale
        return np.exp(-0.5 * (self.df + 1) * np.log1p(z**2 / self.df))

    def below(self, at: float) -> tuple[FloatArray, FloatArray]:
        """Return the mass below and above a value."""
        z = (at - self.location) / self.scale
        return as_array(special.stdtr(self.df, z)), as_array(special.stdtr(self.df, -z))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the coordinate itself."""
        return at
