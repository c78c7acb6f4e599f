"""A chunk of rows as a policy sees it, and which of them are one observation.

Without clusters every row is an observation, and distinct rows stand for as many as they came.
Rows of one cluster are one observation together: what is squared are the sums over them.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from include.bandit.feedback import Feedback
from include.bandit.ope.units import starts_of
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

Values: TypeAlias = FloatArray | np.float64


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Which rows are one observation.

    Attributes
    ----------
    times
        How often each observation came, shape (m,).
    starts
        First row of each; ``None`` where every row is one.
    sizes
        Rows of each, shape (m,); ``None`` where every row is one.
    """

    times: FloatArray
    starts: IntArray | None = None
    sizes: FloatArray | None = None

    def totals(self, values: FloatArray) -> FloatArray:
        """Sum values (…, n) over each observation, shape (…, m)."""
        if self.starts is None:
            return values
        return np.asarray(np.add.reduceat(values, self.starts, axis=-1))

    def sized(self, counted: FloatArray, total: Values) -> Values:
        """Return Σ size · value, given the values as often as they came, and their sum."""
        return total if self.sizes is None else np.asarray(counted @ self.sizes)

    def only(self, rows: NDArray[np.bool_]) -> tuple["Observations", NDArray[np.intp]]:
        """Keep some rows, and of the observations those that have one; they keep their size."""
        if self.starts is None or self.sizes is None:
            kept = np.flatnonzero(rows)
            return Observations(self.times[kept]), kept
        owner = np.repeat(np.arange(len(self.starts)), self.sizes.astype(np.int64))[rows]
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        kept = owner[starts]
        return Observations(self.times[kept], starts, self.sizes[kept]), kept


class Sizes:
    """Rows, observations and squared sizes of the chunks seen so far."""

    def __init__(self) -> None:
        self.n = self.observations = 0
        self.squares = 0.0

    def add(self, seen: Observations) -> None:
        """Count a chunk."""
        count = int(seen.times.sum())
        self.observations += count
        self.n += count if seen.sizes is None else int(seen.sizes.sum())
        self.squares += count if seen.sizes is None else float(seen.sizes @ seen.sizes)

    def __add__(self, other: "Sizes") -> "Sizes":
        """Merge: the sizes of both sets of observations."""
        merged = Sizes()
        merged.n = self.n + other.n
        merged.observations = self.observations + other.observations
        merged.squares = self.squares + other.squares
        return merged

    def spread(self, products: Values, a: "Moments", b: "Moments") -> FloatArray:
        """Return Σ (a − s ā)(b − s b̄) / n over observations of size s, given Σ a b."""
        n = self.n
        (mean_a, sized_a), (mean_b, sized_b) = ((x.total / n, x.sized / n) for x in (a, b))
        # Where every size is 1 the bracket is 0, to the last bit.
        rest = mean_b * (sized_a - mean_a * (self.squares / n))
        return np.asarray(products / n - mean_a * sized_b - rest)

    def of_mean(self, spread: FloatArray) -> FloatArray:
        """Turn spreads into variances of means over all rows."""
        held = np.maximum(spread, 0.0) / (self.observations - 1)
        return np.asarray(held * (self.observations / self.n))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Σ a and Σ s a of values at observations of size s; equal where every size is 1."""

    total: Values
    sized: Values


def observe(
    chunk: Feedback,
    policy: FloatArray,
    model: RewardModel,
    count: IntArray | None = None,
    fold: int | IntArray = 0,
) -> tuple[Rows, Observations]:
    """Look at rows through a policy and the model that was fitted without them.

    Parameters
    ----------
    chunk
        Rows or distinct rows; with clusters, whole ones, each next to each other.
    policy
        Table of shape (P, K).
    model
        Tables of q̂, one per fold.
    count
        How often each distinct row came, shape (n,); once each when left out.
    fold
        Of all rows, or of each.

    Raises
    ------
    EvaluationError
        If rows of a cluster are distinct ones: how often is not said by unit.
    """
    if isinstance(fold, int):
        own = RewardModel.given(model.mean[fold])
    else:
        own = RewardModel(model.mean, fold)
    log = weighted(chunk, policy, own)
    if not isinstance(log, Rows):
        raise EvaluationError("one pass needs the rows of the log")
    if chunk.cluster is None:
        return log, Observations(np.ones(log.n) if count is None else count.astype(np.float64))
    if count is not None:
        raise EvaluationError("rows of one unit cannot be distinct rows with counts")
    starts = starts_of(chunk)
    sizes = np.diff(starts, append=log.n).astype(np.float64)
    return log, Observations(np.ones(len(starts)), starts, sizes)
