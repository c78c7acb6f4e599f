"""Anytime-valid asymptotic confidence sequence of the difference between two arms.

Waudby-Smith et al. 2103.06476 on the augmented scores of a mixture adaptive design (Liang
& Bojinov 2311.05794). With D_t the mean score of arm a minus arm b in batch t,

    M_T = Σ_t w_t N_t (D_t − θ_t),   w_t = 1 / (v_a/p_a + v_b/p_b)   (known before batch t),

is a martingale, whatever policy chose the shares, since assignment is drawn afresh in each
batch. Its variance process V_T = Σ_t w_t² Σ_i (d_i − D_t)² is information, and
|M_T| ≤ radius(V_T) at all T at once with probability 1 − α, asymptotically. The
sequence covers the weighted average Σ w_t N_t θ_t / Σ w_t N_t of the batches' effects, which
is *the* effect where that is constant; `weights="equal"` has w_t = 1, and covers the average
over all observations. Where it stops being true: a unit counted in a batch in which it
was not drawn; so few rewards that a sum is not nearly normal (see `family.MIN_EVENTS`).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from include.bandit.inference.boundary import Boundary
from include.bandit.inference.scores import Scores, scores, shrunk
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray

Pairs = tuple[tuple[int, int], ...]
Weights = Literal["variance", "equal"]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A confidence sequence of differences, arrays ``(..., batches, pairs)``.

    Attributes
    ----------
    pairs
        (a, b) per last index; the effect is μ_a − μ_b.
    estimate
        Weighted average of the batches' estimates; 0 before any information.
    radius
        Half-width, infinite before the start.
    p_value
        Always-valid p-value of no difference; never rises.
    standard_error
        √V / Σ w N, for description only (it is not valid under peeking); infinite without data.
    """

    pairs: Pairs
    estimate: FloatArray
    radius: FloatArray
    p_value: FloatArray
    standard_error: FloatArray

    @property
    def lower(self) -> FloatArray:
        """Lower end of the interval."""
        return self.estimate - self.radius

    @property
    def upper(self) -> FloatArray:
        """Upper end of the interval."""
        return self.estimate + self.radius


def confidence_sequence(
    statistics: ArmStatistics,
    pairs: Pairs,
    *,
    alpha: float,
    shares: FloatArray | None = None,
    boundary: Boundary | None = None,
    counted: NDArray[np.bool_] | None = None,
    weights: Weights = "variance",
) -> Sequence:
    """Return the sequence of every pair, each at two-sided level ``alpha``.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``, one row per batch and weights version, in order.
    pairs
        Index pairs (a, b).
    alpha
        Error probability per pair; the caller divides it over pairs.
    shares
        Published shares of the same shape; ``None`` where propensities change by the row.
    boundary
        Where it is tight; `Boundary()` when left out.
    counted
        Of the same shape: rows that count of an arm, known before each; all when left out.
    weights
        ``"variance"`` combines batches by predictable inverse variance, ``"equal"``
        counts every observation the same.

    Raises
    ------
    ValueError
        If the sums contradict each other, shares are no shares, or a pair names no arm.
    """
    arms = statistics.n.shape[-1]
    if not pairs or any(a == b or not (0 <= a < arms and 0 <= b < arms) for a, b in pairs):
        raise ValueError(f"pairs {pairs} do not name two of {arms} arms each")
    found = scores(statistics, shares)
    if counted is not None:
        found = replace(found, supported=found.supported & counted)
    martingale, information, mass, unit = _fold(statistics, found, pairs, weights)
    chosen = boundary if boundary is not None else Boundary()
    radius = chosen.radius(information, unit, alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Sequence(
            pairs,
            estimate=np.where(mass > 0, martingale / mass, 0.0),
            radius=np.where(mass > 0, radius / mass, np.inf),
            p_value=chosen.p_value(martingale, information, unit, alpha),
            standard_error=np.where(mass > 0, np.sqrt(information) / mass, np.inf),
        )


def _fold(
    statistics: ArmStatistics, found: Scores, pairs: Pairs, weights: Weights
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return M, V, Σ w N and the first batch's V, each ``(..., batches, pairs)``."""
    a, b = (np.array([pair[side] for pair in pairs]) for side in (0, 1))
    spread = found.variance * found.inverse
    variance = spread[..., a] + spread[..., b]
    usable = found.supported[..., a] & found.supported[..., b] & (variance > 0) & (found.total > 0)
    with np.errstate(divide="ignore"):
        precision = np.where(usable, 1.0 / variance, 0.0)
    weight = precision if weights == "variance" else usable.astype(np.float64)
    error = found.residual[..., a] - found.residual[..., b]
    score_sum = found.total * (found.mean[..., a] - found.mean[..., b]) + error
    scatter = (
        found.residual2[..., a]
        + found.residual2[..., b]
        - error**2 / np.where(found.total > 0, found.total, 1.0)
    )
    martingale = np.cumsum(weight * score_sum, axis=-2)
    mass = np.cumsum(weight * found.total, axis=-2)
    realised = np.cumsum(weight**2 * np.maximum(scatter, 0.0), axis=-2)
    information = np.maximum(realised, _modelled(statistics, found, weight, (a, b)))
    unit = first_information(weight**2 * found.total * variance, usable)
    return martingale, information, mass, unit


def _modelled(
    statistics: ArmStatistics, found: Scores, weight: FloatArray, pair: tuple[IntArray, IntArray]
) -> FloatArray:
    """Return V as the arms' pooled variances predict it.

    A starved arm without a single reward has a realised variance of nearly zero; its pooled,
    shrunk variance says how much it could have had. The larger of both is used.
    """
    sums = (statistics.n.astype(np.float64), statistics.sum_r, statistics.sum_r2)
    pooled = shrunk(*(np.cumsum(array, axis=-2) for array in sums))[1]
    squared = weight**2 * found.total
    return sum(
        (np.cumsum(squared * found.inverse[..., arm], axis=-2) * pooled[..., arm] for arm in pair),
        start=np.zeros(weight.shape),
    )


def first_information(information: FloatArray, usable: NDArray[np.bool_]) -> FloatArray:
    """Return each pair's information in its first usable batch (axis −2), kept at 0 before it."""
    at = np.argmax(usable, axis=-2, keepdims=True)
    first = np.take_along_axis(information, at, axis=-2)
    seen = np.maximum.accumulate(usable, axis=-2)
    return np.where(seen, first, 0.0)
