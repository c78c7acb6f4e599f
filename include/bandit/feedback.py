"""Logged feedback, and the policies that are judged on it.

Rows are kept in the order of the log (time), since folds, replay and confidence
sequences read them in that order.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import FeedbackError

# Shares that were rounded or came through text still count as a distribution.
SIMPLEX_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """Rows of logged feedback, as in Open Bandit Pipeline; every array has shape (n,).

    Attributes
    ----------
    arm, position
        Index of the shown arm and of its slot, both from 0.
    reward
        What was observed.
    pscore
        Propensity: the probability with which the behavior policy chose ``arm``.
    arms, positions
        How many arms (K) and positions (P) there are.
    cluster
        Unit or impression, as integers; rows of one cluster may depend on each other.
    version
        Index of the weights version that made the decision.
    context
        Numeric features, shape (n, d).

    Raises
    ------
    FeedbackError
        If rows are missing or of unequal number, or a value cannot be one.
    """

    arm: IntArray
    position: IntArray
    reward: FloatArray
    pscore: FloatArray
    arms: int
    positions: int = 1
    cluster: IntArray | None = None
    version: IntArray | None = None
    context: FloatArray | None = None

    def __post_init__(self) -> None:
        if self.arms < 2 or self.positions < 1:
            raise FeedbackError(
                f"{self.arms} arms in {self.positions} positions: too few for a log"
            )
        for name in ("arm", "position", "reward", "pscore", "cluster", "version", "context"):
            column = getattr(self, name)
            if column is not None and (column.ndim == 0 or len(column) != len(self.arm)):
                raise FeedbackError(f"{name} has shape {column.shape}, arm has {self.arm.shape}")
        if len(self.arm) == 0:
            raise FeedbackError("the log has no rows")
        _check_index("arm", self.arm, self.arms)
        _check_index("position", self.position, self.positions)
        _check_rows("reward", self.reward, np.isfinite(self.reward), "a finite number")
        # Written so that NaN fails too.
        inside = (self.pscore > 0) & (self.pscore <= 1)
        _check_rows("pscore", self.pscore, inside, "in (0, 1]")

    @classmethod
    def of(
        cls,
        arm: ArrayLike,
        reward: ArrayLike,
        pscore: ArrayLike,
        *,
        arms: int,
        position: ArrayLike | None = None,
        positions: int = 1,
        cluster: ArrayLike | None = None,
        version: ArrayLike | None = None,
        context: ArrayLike | None = None,
    ) -> Self:
        """Build feedback from anything array-like; cluster labels may be strings."""
        shown = _integers("arm", arm)
        return cls(
            arm=shown,
            position=np.zeros_like(shown) if position is None else _integers("position", position),
            reward=np.asarray(reward, dtype=np.float64),
            pscore=np.asarray(pscore, dtype=np.float64),
            arms=arms,
            positions=positions,
            cluster=None if cluster is None else np.unique(cluster, return_inverse=True)[1],
            version=None if version is None else _integers("version", version),
            context=None if context is None else np.asarray(context, dtype=np.float64),
        )

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return len(self.arm)

    @property
    def uniform(self) -> bool:
        """Tell whether the behavior policy was uniform over the arms at every row."""
        return bool(np.allclose(self.pscore, 1.0 / self.arms, rtol=1e-9, atol=0.0))

    def take(self, rows: NDArray[np.bool_] | IntArray) -> Self:
        """Return the chosen rows, in the order given."""
        columns = ("arm", "position", "reward", "pscore", "cluster", "version", "context")
        chosen = {
            name: column[rows] for name in columns if (column := getattr(self, name)) is not None
        }
        return replace(self, **chosen)

    def sums(self, fold: IntArray | None = None, count: IntArray | None = None) -> ArmStatistics:
        """Return the arm statistics, shape (P, K), or (folds, P, K) where folds are given.

        From them IPS, SNIPS, DM, DR and SNDR follow with their variances, for any
        context-free policy and without the rows. Where the rows are distinct ones, ``count``
        says how often each came, shape (n,).
        """
        shape: tuple[int, ...] = (self.positions, self.arms)
        cell = self.position * self.arms + self.arm
        if fold is not None:
            shape = (int(fold.max()) + 1, *shape)
            cell = cell + fold * (self.positions * self.arms)
        inverse = 1.0 / self.pscore
        weighted = self.reward * inverse
        columns: tuple[FloatArray, ...] = (
            self.reward,
            self.reward * self.reward,
            inverse,
            inverse * inverse,
            weighted,
            weighted * inverse,
            weighted * weighted,
        )
        size = int(np.prod(shape))
        if count is None:
            n = np.bincount(cell, minlength=size)
        else:
            # Below 2^53 sums of integers are exact in floats too.
            n = sum_by(cell, count.astype(np.float64), size).astype(np.int64)
            columns = tuple(column * count for column in columns)
        return ArmStatistics(
            n.reshape(shape), *(sum_by(cell, column, size).reshape(shape) for column in columns)
        )


@dataclass(frozen=True, slots=True, eq=False)
class RowPolicy:
    """An evaluation policy that depends on the row's context.

    Attributes
    ----------
    probability
        Shape (n, K): the policy's distribution over the arms at every row.
    """

    probability: FloatArray


EvaluationPolicy = FloatArray | RowPolicy


def sum_by(index: IntArray, values: FloatArray, size: int = 0) -> FloatArray:
    """Sum values by index, shape (max(size, largest index + 1),)."""
    return np.asarray(np.bincount(index, values, minlength=size), dtype=np.float64)


def uniform_policy(positions: int, arms: int) -> FloatArray:
    """Return the uniform policy as a table, shape (P, K)."""
    return np.full((positions, arms), 1.0 / arms)


def fixed_policy(positions: int, arms: int, arm: int) -> FloatArray:
    """Return the policy that always shows one arm, shape (P, K)."""
    if not 0 <= arm < arms:
        raise FeedbackError(f"arm {arm} is not one of 0 … {arms - 1}")
    table = np.zeros((positions, arms))
    table[:, arm] = 1.0
    return table


def check_policy(table: FloatArray, shape: tuple[int, int]) -> None:
    """Refuse a policy whose shape is another one or whose rows are no distributions.

    Raises
    ------
    FeedbackError
        Naming the first row that is not a distribution over the arms.
    """
    if table.shape != shape:
        raise FeedbackError(f"the policy has shape {table.shape}, the log needs {shape}")
    good = (table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1.0) <= SIMPLEX_TOLERANCE)
    if not good.all():
        row = int(np.argmin(good))
        raise FeedbackError(
            f"row {row} of the policy is no distribution: smallest entry {table[row].min()}, "
            f"sum {table[row].sum()}"
        )


def _check_index(name: str, values: IntArray, stop: int) -> None:
    if not np.issubdtype(values.dtype, np.integer):
        raise FeedbackError(f"{name} must be integers, not {values.dtype}")
    _check_rows(name, values, (values >= 0) & (values < stop), f"one of 0 … {stop - 1}")


def _check_rows(
    name: str, values: IntArray | FloatArray, good: NDArray[np.bool_], what: str
) -> None:
    if not good.all():
        row = int(np.argmin(good))
        bad = len(good) - int(np.count_nonzero(good))
        raise FeedbackError(f"{name} of row {row} is {values[row]}, not {what} ({bad} such rows)")


def _integers(name: str, values: ArrayLike) -> IntArray:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer) and len(array):
        raise FeedbackError(f"{name} must be integers, not {array.dtype}")
    return array.astype(np.int64)
