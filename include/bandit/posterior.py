"""Posteriors of arm means: Beta, Normal and Student-t, one array entry per arm.

Each family offers a *coordinate* in which its density is smooth, and what the
quadrature of `include.bandit.quadrature` needs there: where its bulk lies, how
fast its density varies, the density up to a constant, and the exact distribution
function at the left edge.
"""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from scipy import special

from include.bandit.statistics import FloatArray, IntArray

# A density that fell by e^−34 carries less than 1e-14 of mass beyond.
_LOG_DROP = 34.0
_TAIL = 1e-14
_BEFORE_OVERFLOW = 500.0

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


@dataclass(frozen=True, slots=True, eq=False)
class BetaPosterior:
    """Beta(α, β) of a success rate; the coordinate is the log-odds t = log(x / (1 − x)).

    In log-odds the density ∝ x^α (1 − x)^β is smooth and log-concave for every α, β > 0,
    with its mode at x₀ = α / (α + β).
    """

    alpha: FloatArray
    beta: FloatArray
    family: str = "beta"

    def __post_init__(self) -> None:
        _check_positive(self.family, alpha=self.alpha, beta=self.beta)

    def __getitem__(self, index: Index) -> "BetaPosterior":
        """Take entries of the arrays."""
        return BetaPosterior(self.alpha[index], self.beta[index])

    def params(self) -> dict[str, FloatArray]:
        """Return α and β by name."""
        return {"alpha": self.alpha, "beta": self.beta}

    def mean(self) -> FloatArray:
        """Return α / (α + β)."""
        return self.alpha / (self.alpha + self.beta)

    def sd(self) -> FloatArray:
        """Return the standard deviation."""
        mean = self.mean()
        return np.sqrt(mean * (self.beta / (self.alpha + self.beta)) / (self.alpha + self.beta + 1))

    def cdf(self, value: FloatArray) -> FloatArray:
        """Return P(rate ≤ value)."""
        return _array(special.betainc(self.alpha, self.beta, np.clip(value, 0.0, 1.0)))

    def quantile(self, level: float) -> FloatArray:
        """Return the rate below which the mass `level` lies."""
        return _array(special.betaincinv(self.alpha, self.beta, level))

    def bulk(self) -> tuple[FloatArray, FloatArray]:
        """Return the log-odds between which all but 1e-14 of the mass lies."""
        mode = np.log(self.alpha) - np.log(self.beta)
        return mode - self._reach(self.alpha, self.beta), mode + self._reach(self.beta, self.alpha)

    def local_scale(self, at: float) -> FloatArray:
        """Return over which distance the density varies around a log-odds."""
        mode = np.log(self.alpha) - np.log(self.beta)
        # The nearest poles are π away from the mode; far from it the density is exponential.
        return np.minimum(
            np.sqrt(1 / self.alpha + 1 / self.beta), np.maximum(1.0, np.abs(at - mode) / 2)
        )

    def density(self, at: FloatArray) -> FloatArray:
        """Return the density in log-odds relative to its mode, at ``(N, 1)`` → ``(N, K)``."""
        # log g(t) − log g(t₀) = c d − (α + β) log(1 + c/(α + β) (eᵈ − 1)), with c the smaller of
        # α and β and d = ±(t − t₀) towards the larger: what cancels is then never large.
        smaller, total = np.minimum(self.alpha, self.beta), self.alpha + self.beta
        towards = np.where(self.alpha <= self.beta, 1.0, -1.0)
        shift = _array(towards * (at - (np.log(self.alpha) - np.log(self.beta))))
        near = np.minimum(shift, _BEFORE_OVERFLOW) if shift.max() > _BEFORE_OVERFLOW else shift
        logarithm = _array(np.expm1(near))
        # In place from here on: this is where the time of P(best) goes.
        np.log1p(np.multiply(logarithm, smaller / total, out=logarithm), out=logarithm)
        if near is not shift:
            logarithm += shift - near
        logarithm *= -total
        logarithm += np.multiply(shift, smaller, out=shift)
        return np.exp(logarithm, out=logarithm)

    def below(self, at: float) -> tuple[FloatArray, FloatArray]:
        """Return the mass below and above a log-odds, each to full relative precision."""
        rate, rest = special.expit(at), special.expit(-at)
        small = rate < 0.5
        if small:
            lower = special.betainc(self.alpha, self.beta, rate)
            return _array(lower), _array(special.betaincc(self.alpha, self.beta, rate))
        lower = special.betaincc(self.beta, self.alpha, rest)
        return _array(lower), _array(special.betainc(self.beta, self.alpha, rest))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the rate at a log-odds."""
        return _array(special.expit(at))

    @staticmethod
    def _reach(near: FloatArray, far: FloatArray) -> FloatArray:
        """Return how far from the mode the log density has fallen by the drop, on one side."""
        # Newton on a concave function comes to rest from outside: never too short.
        total, weight = near + far, near / (near + far)
        reach = np.sqrt(2 * _LOG_DROP * (1 / near + 1 / far))
        for _ in range(9):
            inner = 1 + weight * np.expm1(-reach)
            height = -near * reach - total * np.log(inner) + _LOG_DROP
            slope = -near + total * weight * np.exp(-reach) / inner
            reach = reach - height / slope
        return reach


@dataclass(frozen=True, slots=True, eq=False)
class NormalPosterior:
    """Normal(location, scale²) of a mean reward; the coordinate is the mean itself."""

    location: FloatArray
    scale: FloatArray
    family: str = "normal"

    def __post_init__(self) -> None:
        _check_positive(self.family, scale=self.scale)
        _check_finite(self.family, location=self.location)

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
        return _array(special.ndtr((value - self.location) / self.scale))

    def quantile(self, level: float) -> FloatArray:
        """Return the mean below which the mass `level` lies."""
        return _array(self.location + self.scale * special.ndtri(level))

    def bulk(self) -> tuple[FloatArray, FloatArray]:
        """Return the values between which all but 1e-14 of the mass lies."""
        reach = self.scale * np.sqrt(2 * _LOG_DROP)
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
        return _array(special.ndtr(z)), _array(special.ndtr(-z))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the coordinate itself."""
        return at


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
        _check_positive(self.family, scale=self.scale, df_above_two=self.df - 2)
        _check_finite(self.family, location=self.location)

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
        return _array(special.stdtr(self.df, (value - self.location) / self.scale))

    def quantile(self, level: float) -> FloatArray:
        """Return the mean below which the mass `level` lies."""
        return _array(self.location + self.scale * special.stdtrit(self.df, level))

    def bulk(self) -> tuple[FloatArray, FloatArray]:
        """Return the values between which all but 1e-14 of the mass lies on each side."""
        reach = -self.scale * _array(special.stdtrit(self.df, _TAIL))
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
        return _array(special.stdtr(self.df, z)), _array(special.stdtr(self.df, -z))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the coordinate itself."""
        return at


def _array(value: object) -> FloatArray:
    return np.asarray(value, dtype=np.float64)


def _check_finite(family: str, **arrays: FloatArray) -> None:
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{family} posterior: {name} holds a NaN or an infinity")


def _check_positive(family: str, **arrays: FloatArray) -> None:
    _check_finite(family, **arrays)
    for name, array in arrays.items():
        if np.any(array <= 0):
            raise ValueError(f"{family} posterior: {name} is not positive everywhere")
