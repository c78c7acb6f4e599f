"""Online false discovery rate over experiments, on always-valid p-values (Yang et al. 1706.05378).

Each experiment spends a level that depends only on earlier outcomes. A p-value that is valid at
any stopping time may be plugged in when its experiment ends, whenever that is: that is Yang et
al.'s MAB-FDR. The levels are LORD's (Javanmard & Montanari 1603.09000) in the version that never
loses to it, LORD++ (Ramdas et al. 1710.00499). Across all experiments ever run, at most α of
the announced wins are expected to be false (mFDR always; FDR where experiments are
independent).
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.statistics import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """Level spent on each experiment and whether it is a discovery, in the order given."""

    level: FloatArray
    discovery: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def lord(p_values: FloatArray, *, alpha: float = 0.05, wealth: float | None = None) -> Portfolio:
    """Decide experiments one after another.

    Parameters
    ----------
    p_values
        Always-valid p-values in the order in which experiments *started*, shape
        ``(experiments,)``. An experiment without a verdict (unknown) has p = 1.
    alpha
        False discovery rate to keep.
    wealth
        Wealth at the start, in (0, α); α/2 when left out.

    Raises
    ------
    ValueError
        If a p-value is not within [0, 1], or the wealth not within (0, α).
    """
    start = alpha / 2.0 if wealth is None else wealth
    if not 0.0 < alpha < 1.0 or not 0.0 < start < alpha:
        raise ValueError(f"need 0 < wealth {start} < alpha {alpha} < 1")
    values = np.asarray(p_values, np.float64)
    if values.ndim != 1 or not np.all((values >= 0) & (values <= 1)):
        raise ValueError("p-values must be one row of numbers within [0, 1]")
    gamma = _spending(len(values) + 1)
    level = np.zeros(len(values))
    found: list[int] = []
    for index in range(len(values)):
        earned = gamma[index] * start
        for order, when in enumerate(found):
            earned += gamma[index - when - 1] * (alpha - start if order == 0 else alpha)
        level[index] = earned
        if values[index] <= earned:
            found.append(index)
    return Portfolio(level, values <= level)


def _spending(count: int) -> FloatArray:
    """Return γ_j ∝ log(j ∨ 2) / (j e^√log j), summing to 1 (Javanmard & Montanari, Eq. 31)."""
    j = np.arange(1, count + 1, dtype=np.float64)
    return np.asarray(0.07720838 * np.log(np.maximum(j, 2.0)) / (j * np.exp(np.sqrt(np.log(j)))))
