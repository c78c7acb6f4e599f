"""Batches as folds, and parts of sums."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.statistics import ArmStatistics, IntArray

Change = Callable[[NDArray[Any]], NDArray[Any]]

FOLDS: Final = 10


def fold_of(batches: int, most: int = FOLDS) -> IntArray:
    """Return the fold of every batch, shape (B,): contiguous stretches of time."""
    return np.arange(batches, dtype=np.int64) * min(most, batches) // batches


def folded(statistics: ArmStatistics, fold: IntArray) -> ArmStatistics:
    """Add up batches that share a fold: shape (F, P, K)."""
    starts = np.flatnonzero(np.diff(fold, prepend=-1))
    return each(statistics, lambda array: np.add.reduceat(array, starts, axis=0))


def select(statistics: ArmStatistics, index: tuple[slice, ...]) -> ArmStatistics:
    """Take a part of the leading axes, as one position."""
    return each(statistics, lambda array: array[index])


def each(statistics: ArmStatistics, change: Change) -> ArmStatistics:
    """Change every array of the sums alike."""
    return ArmStatistics(
        *(change(getattr(statistics, field.name)) for field in fields(ArmStatistics))
    )
