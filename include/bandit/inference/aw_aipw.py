"""Adaptively weighted augmented inverse-propensity estimate (Hadad et al. 1911.02768).

The scores' variance given the past moves with the shares, which breaks the central limit
theorem of their plain mean. Variance-stabilising weights h_t ∝ 1/√(v_a/p_a + v_b/p_b)
(their Section 3.2, for a contrast) make every batch contribute the same variance per unit:

    Δ̂ = Σ h_t N_t D_t / Σ h_t N_t,   V̂ = Σ_t h_t² Σ_i (d_i − Δ̂)² / (Σ h_t N_t)².

At one look that was fixed beforehand; the shares may fall, but not below a floor.
"""

import numpy as np

from include.bandit.inference.interval import FixedTime, sides
from include.bandit.inference.scores import scores
from include.bandit.inference.sequence import Pairs
from include.bandit.statistics import ArmStatistics, FloatArray


def aw_aipw(
    statistics: ArmStatistics,
    pairs: Pairs,
    *,
    shares: FloatArray | None = None,
    alpha: float = 0.05,
) -> FixedTime:
    """Return the adaptively weighted estimate and interval of every pair.

    Parameters
    ----------
    statistics
        Sums ``(..., batches, K)``.
    pairs
        Index pairs (a, b).
    shares
        Published shares of the same shape; ``None`` where propensities change by the row.
    alpha
        Two-sided level at one look.
    """
    a, b = sides(pairs, statistics.n.shape[-1])
    found = scores(statistics, shares)
    spread = found.variance * found.inverse
    variance = spread[..., a] + spread[..., b]
    usable = found.supported[..., a] & found.supported[..., b] & (variance > 0)
    weight = np.where(usable, 1.0 / np.sqrt(np.where(usable, variance, 1.0)), 0.0)
    shift = found.mean[..., a] - found.mean[..., b]
    error = found.residual[..., a] - found.residual[..., b]
    mass = (weight * found.total).sum(axis=-2)
    known = mass > 0
    safe = np.where(known, mass, 1.0)
    estimate = (weight * (found.total * shift + error)).sum(axis=-2) / safe
    off = shift - estimate[..., None, :]
    squares = (
        found.total * off**2 + 2.0 * off * error + found.residual2[..., a] + found.residual2[..., b]
    )
    scatter = (weight**2 * squares).sum(axis=-2) / safe**2
    return FixedTime.around(pairs, estimate, np.where(known, scatter, np.inf), alpha)
