"""Bootstrap by a multinomial on cells of rows that weigh alike.

Drawing n rows with replacement is drawing how often each distinct row comes: with 1M rows
of 80 items in 3 positions a replicate costs a few hundred binomials, not 1M look-ups.
"""

import numpy as np

from include.bandit.feedback import sum_by
from include.bandit.ope.estimator import Estimator, point
from include.bandit.ope.weighted_log import Rows
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

# Up to here every distinct row is a cell of its own and the bootstrap is exact.
EXACT_CELLS = 1500
TAIL, BINS = 300, 300


def bootstrap(
    estimator: Estimator, log: Rows, rng: np.random.Generator, samples: int = 1000
) -> FloatArray:
    """Return the estimates of resampled logs, shape (samples,).

    Rows are sorted by their influence. With more than `EXACT_CELLS` distinct influences the
    outermost rows stay cells of their own and the others share bins, whose inner spread
    is drawn from a normal distribution of the same covariance. Clusters are
    drawn whole.
    """
    if samples < 1:
        raise EvaluationError(f"{samples} bootstrap samples make no interval")
    columns, influence = _columns(estimator, log)
    order = _ascending(influence)
    starts = _cell_starts(influence[order])
    counts, means, covariances = _cells(columns, order, starts)
    drawn = _drawn(counts, rng, samples).astype(float)
    totals = drawn @ means
    if covariances.any():
        totals += _within(drawn, covariances, rng)
    return estimator.value((totals[:, 1:] / totals[:, :1]).T)


def _columns(estimator: Estimator, log: Rows) -> tuple[list[FloatArray], FloatArray]:
    """Return size and terms of every independent row or cluster, and its influence."""
    columns = [np.ones(log.n), *(log.values(term) for term in estimator.terms(log))]
    influence = log.values(point(estimator, log).influence)
    if log.cluster is None:
        return columns, influence
    used = np.bincount(log.cluster) > 0
    columns = [sum_by(log.cluster, column)[used] for column in columns]
    return columns, sum_by(log.cluster, influence)[used]


def _ascending(values: FloatArray) -> IntArray:
    """Return the order that sorts values, without sorting what most of them equal.

    Where rewards are rare most rows have none, and with that one influence.
    """
    n = len(values)
    some = np.sort(values[:: max(n // 1000, 1)])
    common = some[len(some) // 2]
    others = np.flatnonzero(values != common)
    if 2 * len(others) > n:
        return np.argsort(values)
    others = others[np.argsort(values[others])]
    below = int(np.searchsorted(values[others], common))
    same = np.flatnonzero(values == common)
    return np.concatenate([others[:below], same, others[below:]])


def _drawn(counts: IntArray, rng: np.random.Generator, samples: int) -> IntArray:
    """Draw how often each cell comes among as many rows as there are, shape (samples, cells).

    Cells of one row are equally likely: how many draws meet any of them is drawn with the other
    cells, and then which, by one look-up each instead of one binomial for every cell.
    """
    n = int(counts.sum())
    alone = np.flatnonzero(counts == 1)
    rest = np.flatnonzero(counts != 1)
    shares = np.append(counts[rest], len(alone)) / n
    grouped = rng.multinomial(n, shares, size=samples)
    drawn = np.empty((samples, len(counts)), np.int64)
    drawn[:, rest] = grouped[:, :-1]
    if len(alone):
        met = grouped[:, -1]
        which = rng.integers(0, len(alone), int(met.sum()))
        which += np.repeat(np.arange(samples, dtype=np.int64) * len(alone), met)
        drawn[:, alone] = np.bincount(which, minlength=samples * len(alone)).reshape(samples, -1)
    return drawn


def _cell_starts(ordered: FloatArray) -> IntArray:
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    if len(starts) <= EXACT_CELLS:
        return starts
    n = len(ordered)
    inner = np.linspace(TAIL, n - TAIL, BINS, endpoint=False).astype(np.int64)
    tails = np.arange(TAIL, dtype=np.int64)
    return np.unique(np.concatenate([tails, inner, n - TAIL + tails]))


def _cells(
    columns: list[FloatArray], order: IntArray, starts: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return rows, means (cells, D) and covariances (cells, D, D) of every cell."""
    counts = np.diff(np.append(starts, len(order)))
    # A column of equal values needs no sorting and has no spread.
    ordered = [
        column if column[0] == column[-1] and np.ptp(column) == 0.0 else column[order]
        for column in columns
    ]
    means = np.stack([np.add.reduceat(column, starts) / counts for column in ordered], axis=1)
    size = len(columns)
    covariances = np.zeros((len(starts), size, size))
    if len(starts) == len(order):
        return counts, means, covariances
    centred = [
        column - np.repeat(mean, counts) for column, mean in zip(ordered, means.T, strict=True)
    ]
    for i in range(size):
        for j in range(i, size):
            if centred[i].any() and centred[j].any():
                spread = np.add.reduceat(centred[i] * centred[j], starts) / counts
                covariances[:, i, j] = covariances[:, j, i] = spread
    return counts, means, covariances


def _within(drawn: FloatArray, covariances: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Draw the summed deviations within cells, shape (samples, D)."""
    size = covariances.shape[-1]
    spread = (drawn @ covariances.reshape(len(covariances), -1)).reshape(-1, size, size)
    values, vectors = np.linalg.eigh(spread)
    noise = rng.standard_normal((len(drawn), size)) * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(np.einsum("sij,sj->si", vectors, noise))
