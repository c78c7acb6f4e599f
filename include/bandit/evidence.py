"""Evidence: what a posterior learns from, folded over an ordered list of batches."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from include.bandit.statistics import ArmStatistics, FloatArray


class Memory(Protocol):
    """How long batches count; the schema's `Memory` is one."""

    @property
    def discount(self) -> float: ...  # noqa: D102
    @property
    def window_batches(self) -> int | None: ...  # noqa: D102
    @property
    def stratified(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Discounted counts and sums per arm, shape ``(..., K)``; counts need not be whole."""

    n: FloatArray
    sum_r: FloatArray
    sum_r2: FloatArray

    def __post_init__(self) -> None:
        for name in ("n", "sum_r", "sum_r2"):
            array = getattr(self, name)
            if array.shape != self.n.shape or not np.all(np.isfinite(array)):
                raise ValueError(f"evidence: {name} has another shape, a NaN or an infinity")
        if np.any(self.n < 0) or np.any((self.n == 0) & (self.sum_r != 0)):
            raise ValueError("evidence: a negative count, or rewards without observations")

    def __getitem__(self, index: int | tuple[int, ...]) -> "Evidence":
        """Take one entry of the leading axes."""
        return Evidence(self.n[index], self.sum_r[index], self.sum_r2[index])

    def __add__(self, other: "Evidence") -> "Evidence":
        """Merge both evidences."""
        return Evidence(self.n + other.n, self.sum_r + other.sum_r, self.sum_r2 + other.sum_r2)

    def mean(self) -> FloatArray:
        """Return Σr / n; 0 where nothing was observed."""
        return self.sum_r / np.where(self.n > 0, self.n, 1.0)

    def squares_within(self) -> FloatArray:
        """Return Σ(r − r̄)² per arm, never negative."""
        return np.maximum(self.sum_r2 - self.n * self.mean() ** 2, 0.0)


def batch_weights(batches: int, memory: Memory) -> FloatArray:
    """Return how much each batch counts, oldest first: discount^age, 0 beyond the window.

    Age counts batches, not days (Garivier & Moulines 0805.3415 discount by round).
    """
    age = np.arange(batches - 1, -1, -1, dtype=np.float64)
    window = memory.window_batches if memory.window_batches is not None else batches
    weights: FloatArray = np.where(age < window, memory.discount**age, 0.0)
    return weights


def effective_memory(batches: int, memory: Memory) -> float:
    """Return how many full batches the evidence is worth: (1 − γ^B) / (1 − γ), or the window."""
    return float(batch_weights(batches, memory).sum())


def fold(batches: ArmStatistics, memory: Memory) -> Evidence:
    """Fold batches into evidence.

    Pooled: n = Σ_b γ^age n_b, and likewise Σr, Σr². Stratified: pooling batches of
    different shares *and* levels is Simpson's paradox, so every observation is weighted
    by 1/p instead (Hájek), which compares arms on the same mix of batches. Its count is
    n = (Σ1/p)² / Σ1/p², its mean Σr/p / Σ1/p, its variance
    (Σr²/p² − 2m Σr/p² + m² Σ1/p²) / Σ1/p². Under constant shares both are equal.

    Parameters
    ----------
    batches
        Statistics of shape ``(B, ..., K)`` in ``batch_id`` order, oldest first.
    memory
        Discount, window, stratification.
    """
    weights = batch_weights(batches.n.shape[0], memory)

    def total(sums: FloatArray) -> FloatArray:
        # add.reduce over the leading axis adds in batch order: equal inputs, equal bytes.
        scaled = sums * weights.reshape((-1,) + (1,) * (sums.ndim - 1))
        folded: FloatArray = np.add.reduce(scaled, axis=0)
        return folded

    if not memory.stratified:
        return Evidence(
            total(batches.n.astype(np.float64)), total(batches.sum_r), total(batches.sum_r2)
        )
    ip, ip2 = total(batches.sum_ip), total(batches.sum_ip2)
    seen = ip > 0
    safe, safe2 = np.where(seen, ip, 1.0), np.where(seen, ip2, 1.0)
    n = ip * (ip / safe2)
    mean = np.where(seen, total(batches.sum_r_ip) / safe, 0.0)
    spread = total(batches.sum_r2_ip2) - 2 * mean * total(batches.sum_r_ip2) + mean**2 * ip2
    variance = np.maximum(spread / safe2, 0.0)
    return Evidence(n, n * mean, n * (variance + mean**2))
