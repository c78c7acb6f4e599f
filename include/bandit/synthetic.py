"""Logs with known truth, in the shape of the Open Bandit Dataset. Simulated, and labelled so.

Clicks are independent given item and position; the true rates are part of the answer, so
that estimators and policies can be graded. Two behavior policies:

- ``random``: every item with propensity exactly 1/K.
- ``bts``: like the dataset's production policy, whose propensities are Monte-Carlo
  estimates: per period of a few minutes and position, 200,000 draws are counted by item, and
  the item shown is drawn with exactly the counted share. Propensities lie on a 5e-6 grid,
  differ by row, and weights 1/(K·p) have mean 1.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BehaviorPolicy = Literal["random", "bts"]

GRID_DRAWS: Final = 200_000
_MICROSECONDS: Final = 1_000_000
# Belief of the bts-like policy about a rate, in pseudo-decisions: how sharp its shares are.
_PSEUDO_DECISIONS: Final = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true in a simulated log.

    Attributes
    ----------
    click_rates
        P(click | item, position), shape (positions, items).
    counts
        Of 200,000 draws per period and position the number that fell on each item, shape
        (periods, positions, items); None under the uniform random policy.
    period_seconds
        How long the shares of the bts-like policy stay the same.
    """

    click_rates: FloatArray
    counts: IntArray | None
    period_seconds: int

    def uniform_value(self) -> float:
        """Return the true value of the uniform policy, positions equally frequent."""
        return float(self.click_rates.mean())

    def logged_value(self) -> float:
        """Return the true value of the behavior policy, periods equally long."""
        if self.counts is None:
            return self.uniform_value()
        shares = self.counts / GRID_DRAWS
        return float((shares * self.click_rates).sum(axis=-1).mean())


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticRows:
    """Rows of a simulated log, every array of shape (rows,).

    Attributes
    ----------
    microseconds
        Since the start of the log, in order.
    item, position
        Indices from 0.
    click
        0 or 1.
    propensity
        P(item | position, period) under the behavior policy, exact.
    """

    microseconds: IntArray
    item: IntArray
    position: IntArray
    click: IntArray
    propensity: FloatArray


def draw_truth(
    rng: np.random.Generator,
    items: int,
    behavior_policy: BehaviorPolicy,
    *,
    seconds: int,
    positions: int = 3,
    mean_rate: float = 0.005,
    period_seconds: int = 300,
) -> Truth:
    """Draw the click rates of a log, and the shares of its behavior policy.

    Parameters
    ----------
    rng
        Source of randomness.
    items
        K.
    behavior_policy
        ``random`` or ``bts``.
    seconds
        Length of the log.
    positions
        Slots per impression.
    mean_rate
        Mean of the click rates, which are Beta(2, 2/mean_rate − 2); OBD's is near 0.005.
    period_seconds
        How long the shares of the bts-like policy stay the same.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if items < 2 or positions < 1 or seconds < 1 or period_seconds < 1:
        raise ValueError("a log needs 2 items, a position, a second and a period of a second")
    if not 0.0 < mean_rate < 1.0:
        raise ValueError(f"mean_rate {mean_rate} is not inside (0, 1)")
    rates = rng.beta(2.0, 2.0 / mean_rate - 2.0, size=(positions, items))
    if behavior_policy == "random":
        return Truth(rates, None, period_seconds)
    periods = -(-seconds // period_seconds)
    # A softmax of noisy beliefs in units of their spread: sharp, moving, and one line.
    scale = np.sqrt(rates * (1.0 - rates) / _PSEUDO_DECISIONS)
    belief = rates + scale * rng.standard_normal((periods, positions, items))
    scores = belief / scale.mean()
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    # A slice of the uniform policy keeps every item drawable, so that weights have mean 1.
    shares = 0.9 * shares + 0.1 / items
    return Truth(rates, rng.multinomial(GRID_DRAWS, shares).astype(np.int64), period_seconds)


def draw_rows(
    rng: np.random.Generator, truth: Truth, rows: int, *, start_second: float, stop_second: float
) -> SyntheticRows:
    """Draw rows whose times lie in a stretch of the log, in order.

    Parameters
    ----------
    rng
        Source of randomness, one per stretch.
    truth
        From `draw_truth`.
    rows
        How many.
    start_second, stop_second
        The stretch, within the length given to `draw_truth`.
    """
    positions, items = truth.click_rates.shape
    span = (int(start_second * _MICROSECONDS), int(stop_second * _MICROSECONDS))
    microseconds = np.sort(rng.integers(*span, size=rows))
    position = rng.integers(0, positions, size=rows)
    if truth.counts is None:
        item = rng.integers(0, items, size=rows)
        propensity = np.full(rows, 1.0 / items)
    else:
        period = microseconds // (truth.period_seconds * _MICROSECONDS)
        item, count = _draw_by_counts(rng, truth.counts, period * positions + position)
        propensity = count / GRID_DRAWS
    click = (rng.random(rows) < truth.click_rates[position, item]).astype(np.int64)
    return SyntheticRows(microseconds, item, position, click, propensity)


def _draw_by_counts(
    rng: np.random.Generator, counts: IntArray, cell: IntArray
) -> tuple[IntArray, IntArray]:
    """Draw an item per row with its counted share: one search in all cells laid end to end."""
    items = counts.shape[-1]
    # Every cell counts 200,000, so the running total of all cells is also a position on a line.
    ends = np.cumsum(counts.reshape(-1))
    ticket = cell * GRID_DRAWS + rng.integers(0, GRID_DRAWS, size=len(cell))
    flat = np.searchsorted(ends, ticket, side="right")
    return flat % items, counts.reshape(-1)[flat]
