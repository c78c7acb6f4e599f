"""The Beta posterior of a success rate."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from include.bandit.posterior.family import LOG_DROP, Index, as_array, check_positive
from include.bandit.statistics import FloatArray

_BEFORE_OVERFLOW = 500.0


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
        check_positive(self.family, alpha=self.alpha, beta=self.beta)

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
        return as_array(special.betainc(self.alpha, self.beta, np.clip(value, 0.0, 1.0)))

    def quantile(self, level: float) -> FloatArray:
        """Return the rate below which the mass `level` lies."""
        return as_array(special.betaincinv(self.alpha, self.beta, level))

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
        shift = as_array(towards * (at - (np.log(self.alpha) - np.log(self.beta))))
        near = np.minimum(shift, _BEFORE_OVERFLOW) if shift.max() > _BEFORE_OVERFLOW else shift
        logarithm = as_array(np.expm1(near))
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
            return as_array(lower), as_array(special.betaincc(self.alpha, self.beta, rate))
        lower = special.betaincc(self.beta, self.alpha, rest)
        return as_array(lower), as_array(special.betainc(self.beta, self.alpha, rest))

    def value(self, at: FloatArray) -> FloatArray:
        """Return the rate at a log-odds."""
        return as_array(special.expit(at))

    @staticmethod
    def _reach(near: FloatArray, far: FloatArray) -> FloatArray:
        """Return how far from the mode the log density has fallen by the drop, on one side."""
        # Newton on a concave function comes to rest from outside: never too short.
        total = near + far
        log_near, log_far = np.log(near / total), np.log(far / total)
        reach = np.sqrt(2 * LOG_DROP * (1 / near + 1 / far))
        for _ in range(9):
            # By logarithms: with a far side that is next to nothing e^−reach alone is zero.
            inner = np.logaddexp(log_far, log_near - reach)
            height = -near * reach - total * inner + LOG_DROP
            slope = -near + total * np.exp(log_near - reach - inner)
            reach = reach - height / slope
        return reach
