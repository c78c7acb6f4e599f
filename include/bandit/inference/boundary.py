"""The boundary of a confidence sequence: a normal mixture that starts at a declared information.

For a Brownian motion B in the clock V, the mixture over drifts N(0, 1/ρ),

    m(V) = √(ρ / (V + ρ)) · exp(B² / (2 (V + ρ))),

is a non-negative martingale (Robbins 1970; Howard et al. 1810.08240, Eq. 14). Ville's
inequality from V = 0 gives the threshold 1/α. Two things make it sharper:

* **Delayed start.** Nobody looks before there is any information: from V = V₀ on, the chance
  that m ever reaches c is exactly E[min(1, m(V₀)/c)], since m is continuous and vanishes in
  the end. Solving that for α gives a lower threshold at the same guarantee (the delayed
  start of Bibaut et al. 2212.14411, with the normal mixture kept).
* **Looks at batch ends.** A random walk that is seen only at its steps of variance δ crosses
  a line as rarely as a Brownian motion crosses one 0.583 √δ further out (Chernoff 1965;
  Siegmund 1985, chapter 10). The correction is first-order, not exact; it is left out at the
  first look, where nothing was hidden before, and a step counts as at most the first batch's.
  `looks="continuous"` leaves it out everywhere, and is what to use where somebody may look
  within a batch.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from include.bandit.statistics import FloatArray

_LARGEST_LOG: Final = 700.0
# −ζ(½)/√(2π): the mean overshoot of a Gaussian random walk, in steps.
_OVERSHOOT: Final = 0.5826


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a confidence sequence is tight, and where it starts.

    Attributes
    ----------
    tuned
        Information at which the boundary is tightest, in units of the first batch's: a
        day, where batches are days of equal traffic.
    start
        Information from which on the sequence speaks, in the same units. Before it,
        intervals are unbounded and nothing is declared.
    looks
        ``"batches"``: only batch ends are ever looked at; ``"continuous"``: any time.
    """

    tuned: float = 5.0
    start: float = 2.0
    looks: Literal["batches", "continuous"] = "batches"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tuned) and self.tuned > 0):
            raise ValueError(f"tuned {self.tuned} is not a positive number of batches")
        if not (np.isfinite(self.start) and self.start > 0):
            raise ValueError(f"start {self.start} is not a positive number of batches")

    def rho(self, alpha: float) -> float:
        """Return ρ in units of the first batch's information (Howard et al. 1810.08240, 3.6)."""
        log = -2.0 * np.log(_checked(alpha))
        return float(self.tuned / (log + np.log1p(log)))

    def radius(self, information: FloatArray, unit: FloatArray, alpha: float) -> FloatArray:
        """Return how far the martingale may be from zero, infinite before the start.

        Parameters
        ----------
        information
            V, the martingale's variance process, ``(..., batches, pairs)``.
        unit
            Information of the first batch, broadcastable to V.
        alpha
            Two-sided error probability over all looks.
        """
        rho, log_c = self.rho(alpha) * unit, _log_threshold(self.share(alpha), alpha)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = information / rho
            square = rho * (1.0 + ratio) * (np.log1p(ratio) + 2.0 * log_c)
            gain = self._unseen(information, unit)
            return np.where(self._started(information, unit), np.sqrt(square) - gain, np.inf)

    def p_value(
        self, martingale: FloatArray, information: FloatArray, unit: FloatArray, alpha: float
    ) -> FloatArray:
        """Return the always-valid p-value at each look, batches last but one.

        It is the crossing probability of the largest mixture seen so far, so that it
        never rises, and falls below ``alpha`` exactly when the sequence excludes zero.

        Parameters
        ----------
        martingale, information, unit
            Arrays ``(..., batches, pairs)``; ``unit`` broadcastable.
        alpha
            The level for which the boundary is tuned.
        """
        rho = self.rho(alpha) * unit
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = information / rho
            reached = np.abs(martingale) + self._unseen(information, unit)
            log_m = 0.5 * (reached**2 / (rho * (1.0 + ratio)) - np.log1p(ratio))
        started = self._started(information, unit)
        largest = np.maximum.accumulate(np.where(started, log_m, -np.inf), axis=-2)
        return crossing_probability(largest, self.share(alpha))

    def _started(self, information: FloatArray, unit: FloatArray) -> NDArray[np.bool_]:
        # Relative slack: information that sums to the start in exact numbers has started.
        enough = information >= self.start * unit * (1.0 - 1e-9)
        return np.asarray((unit > 0) & enough)

    def _unseen(self, information: FloatArray, unit: FloatArray) -> FloatArray:
        """Return how much further a continuous path may have been since the last look."""
        if self.looks == "continuous":
            return np.zeros_like(information)
        before = np.zeros_like(information)
        before[..., 1:, :] = information[..., :-1, :]
        seen = self._started(before, unit)
        step = np.clip(information - before, 0.0, unit)
        return np.where(seen, _OVERSHOOT * np.sqrt(step), 0.0)

    def share(self, alpha: float) -> float:
        """Return κ = V₀ / (V₀ + ρ)."""
        return self.start / (self.start + self.rho(alpha))


def crossing_probability(log_c: FloatArray | float, share: float) -> FloatArray:
    """Return the chance that the mixture ever reaches c from the start on: E[min(1, m(V₀)/c)].

    Parameters
    ----------
    log_c
        Logarithm of the threshold; −∞ gives 1.
    share
        κ = V₀ / (V₀ + ρ) in (0, 1).
    """
    rest = np.sqrt(1.0 - share)
    bounded = np.minimum(log_c, _LARGEST_LOG)
    z = np.sqrt(np.maximum(0.0, 2.0 / share * (bounded - np.log(rest))))
    tail = 2.0 * ndtr(-z)
    # exp(−log c) overflows where the threshold lies below any value that m can take: chance 1.
    below = np.exp(-np.maximum(bounded, np.log(rest))) * (2.0 * ndtr(z * rest) - 1.0)
    return np.asarray(np.clip(tail + below, 0.0, 1.0))


@lru_cache(maxsize=1024)
def _log_threshold(share: float, alpha: float) -> float:
    lowest = 0.5 * float(np.log1p(-share))
    return float(
        brentq(
            lambda log_c: float(crossing_probability(log_c, share)) - alpha,
            lowest,
            -np.log(alpha) + 1.0,
            xtol=1e-13,
        )
    )


def _checked(alpha: float) -> float:
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha {alpha} is not within (0, 1)")
    return alpha
