"""What a challenger is worth against the incumbent on the same rows, said at all looks at once.

Let ℓ be the shares by which a row was drawn, p the incumbent's and q the challenger's, all
three fixed before the batch. With augmented scores φ_ia (`include.bandit.inference.scores`)

    D_i = Σ_a (q_a − p_a) φ_ia

has mean Σ_a (q_a − p_a) μ_a given the past, whoever chose the shares, since assignment was drawn
by ℓ. Σ_i (D_i − θ_i) is a martingale, and the asymptotic confidence sequence of Waudby-Smith et
al. 2103.06476 with `Boundary` covers the average of θ over rows at all looks.

**Every row on which the two differ counts the same.** Weights by inverse variance, as arms'
effects use them, would be wrong here: they grow without bound where p and q nearly agree, so that
a challenger could hide the batches in which it does harm behind those in which it does nothing.
Strata in which p = q, as in a burn-in, are left out for the same reason: they say nothing of
it. Both choices are known before the batch.

**Cells** are strata: their sums add up, since contexts come by themselves. **Positions** are never
pooled: each has a sequence of its own at α / positions, the other positions as they were drawn.

**An arm without a share** (ℓ_a = 0) says nothing. What the two policies give it is credited with
the worst reward for the lower end and the best for the upper; without bounds there is no end then.

Where it stops being true: a unit counted in a row in which it was not drawn; so few rewards that
sums are not nearly normal (`effective_rewards`); a unit whose rewards of several decisions exceed
the bound of one, which concerns arms without a share only.
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.inference.boundary import Boundary
from include.bandit.inference.scores import Scores, scores, shrunk
from include.bandit.inference.sequence import first_information
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray

Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one position; arrays ``(..., S, K)``, one stratum per batch, version and cell.

    Attributes
    ----------
    statistics
        Sums per stratum, in order of batches.
    logged
        Shares by which the stratum was drawn.
    incumbent, challenger
        What each policy alone would have published for it.
    look
        Batch of each stratum, ``(S,)``, from 0 without gaps.
    """

    statistics: ArmStatistics
    logged: FloatArray
    incumbent: FloatArray
    challenger: FloatArray
    look: IntArray

    @property
    def gap(self) -> FloatArray:
        """Challenger's shares minus the incumbent's."""
        return self.challenger - self.incumbent

    def by_batch(self, values: FloatArray) -> FloatArray:
        """Sum ``(..., S)`` over the strata of every batch: ``(..., batches)``."""
        starts = np.flatnonzero(np.diff(self.look, prepend=-1))
        return np.asarray(np.add.reduceat(values, starts, axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """Value of the challenger minus that of the incumbent at each look, ``(..., batches)``.

    Ends are infinite before the sequence starts, and where unseen arms have no bounds.
    """

    lower: FloatArray
    estimate: FloatArray
    upper: FloatArray


def value_difference(
    rows: Rows, *, alpha: float, bounds: Bounds | None, boundary: Boundary | None = None
) -> Difference:
    """Return the confidence sequence of value(challenger) − value(incumbent) over all rows.

    Where both always agreed the difference is 0 with certainty, and says nothing: see `changed`.

    Parameters
    ----------
    rows
        One position.
    alpha
        Two-sided error over all looks.
    bounds
        Smallest and largest reward; ``None`` where there are none.
    boundary
        Where the sequence is tight, in batches; `Boundary()` when left out.

    Raises
    ------
    ValueError
        If sums contradict each other or the shares by which they were drawn.
    """
    found = scores(rows.statistics, rows.logged)
    seen = np.where(found.supported, rows.gap, 0.0)
    total = found.total[..., 0]
    error = (seen * found.residual).sum(axis=-1)
    score = total * (seen * found.mean).sum(axis=-1) + error
    scatter = (seen**2 * found.residual2).sum(axis=-1) - error**2 / np.maximum(total, 1.0)
    predicted = total * (seen**2 * found.variance * found.inverse).sum(axis=-1)
    mass = _sums(rows, np.where(np.any(rows.gap != 0, axis=-1), total, 0.0))
    information = np.maximum(_sums(rows, np.maximum(scatter, 0.0)), _modelled(rows, found, seen))
    chosen = boundary if boundary is not None else Boundary()
    first = rows.by_batch(predicted)[..., None]
    unit = first_information(first, first > 0)
    radius = chosen.radius(information[..., None], unit, alpha)[..., 0]
    worst, best = (_sums(rows, total * side) for side in _unseen(rows, found, bounds))
    half = np.where(mass > 0, radius, 0.0)
    estimate, some = _sums(rows, score), np.where(mass > 0, mass, 1.0)
    with np.errstate(invalid="ignore"):
        # −∞ and ∞ have no middle: then there is no estimate either.
        middle = (worst + best) / 2.0
    return Difference(
        lower=(estimate - half + worst) / some,
        estimate=(estimate + middle) / some,
        upper=(estimate + half + best) / some,
    )


def changed(rows: Rows) -> FloatArray:
    """Return how many rows the challenger would have decided otherwise, so far, in expectation.

    Σ n · ½ Σ_a |q_a − p_a|: with few of them a small difference says that the two agreed so far,
    and not what the challenger is worth where they do not.

    Returns
    -------
    FloatArray
        ``(..., batches)``.
    """
    return _sums(rows, rows.statistics.n.sum(axis=-1) * np.abs(rows.gap).sum(axis=-1) / 2.0)


def effective_rewards(rows: Rows, bounds: Bounds | None) -> FloatArray:
    """Count the rewards, and misses where bounded, that carry the difference: (Σx)² / Σx².

    x is |q − p|/ℓ times the distance of a reward from a bound. Infinite where nothing differs;
    without bounds every observation counts.

    Returns
    -------
    FloatArray
        ``(...)``, over all strata.
    """
    sums, gap = rows.statistics, np.abs(rows.gap)
    low, high = (0.0, 0.0) if bounds is None else bounds
    if bounds is None:
        sides = [(sums.sum_ip, sums.sum_ip2)]
    else:
        sides = [
            (
                sign * (sums.sum_r_ip - end * sums.sum_ip),
                sums.sum_r2_ip2 - 2.0 * end * sums.sum_r_ip2 + end**2 * sums.sum_ip2,
            )
            for sign, end in ((1.0, low), (-1.0, high))
        ]
    counted = []
    for first, second in sides:
        total = np.maximum((gap * first).sum(axis=(-2, -1)), 0.0)
        squares = (gap**2 * np.maximum(second, 0.0)).sum(axis=(-2, -1))
        counted.append(np.where(squares > 0, total**2 / np.where(squares > 0, squares, 1.0), 0.0))
    differs = (gap * (sums.n > 0)).sum(axis=(-2, -1)) > 0
    return np.where(differs, np.minimum.reduce(counted), np.inf)


def _sums(rows: Rows, values: FloatArray) -> FloatArray:
    return np.asarray(np.cumsum(rows.by_batch(values), axis=-1))


def _modelled(rows: Rows, found: Scores, seen: FloatArray) -> FloatArray:
    """Return the information as the arms' pooled variances predict it, as `sequence` does.

    A starved arm without a single reward has a realised variance of nearly zero.
    """
    ends = np.flatnonzero(np.diff(rows.look, append=rows.look[-1] + 1))
    sums = rows.statistics
    each = (sums.n.astype(np.float64), sums.sum_r, sums.sum_r2)
    pooled = shrunk(*(np.cumsum(array, axis=-2)[..., ends, :] for array in each))[1]
    squared = np.cumsum(found.total * seen**2 * found.inverse, axis=-2)[..., ends, :]
    return np.asarray((squared * pooled).sum(axis=-1))


def _unseen(rows: Rows, found: Scores, bounds: Bounds | None) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that arms without a share can add to a row, ``(..., S)``."""
    absent = np.where(found.supported, 0.0, rows.gap)
    gained, lost = np.maximum(absent, 0.0).sum(axis=-1), np.maximum(-absent, 0.0).sum(axis=-1)
    if bounds is None:
        end = np.where(gained + lost > 0, np.inf, 0.0)
        return -end, end
    low, high = bounds
    return gained * low - lost * high, gained * high - lost * low
