"""Densities and distribution functions of all arms on one common quadrature grid.

Piecewise Gauss–Legendre: every piece is no wider than the fastest density on it can
bear. Distribution functions come from integrating the interpolated density inside
each piece, which costs a small matrix product instead of a special function per point.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from include.bandit.posterior import Posterior
from include.bandit.statistics import FloatArray, IntArray

# Points per piece, and its width in local scales of the narrowest density: 1e-12 with room.
NODES = 16
STEP = 2.0
_MOST_PIECES = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Arms tabulated where the best ones can lie.

    Attributes
    ----------
    arms
        Indices of the arms that can be among the best, ``(A,)``; all others cannot.
    at
        Points in the posterior's coordinate, ``(N,)``.
    weights
        Quadrature weights of the points, ``(N,)``.
    density
        Density of every such arm, ``(N, A)``.
    cdf
        Distribution function of every such arm, ``(N, A)``, within [1e-300, 1].
    """

    arms: IntArray
    at: FloatArray
    weights: FloatArray
    density: FloatArray
    cdf: FloatArray


def tabulate(posterior: Posterior, ranks: int = 1) -> Table:
    """Tabulate the posteriors of K arms where the best `ranks` of them lie.

    Below the `ranks`-th largest lower end of the bulks, `ranks` arms are above with
    probability 1 − 1e-14, so nothing there can be among the best; arms whose bulk ends
    below are left out.

    Parameters
    ----------
    posterior
        One posterior per arm, shape ``(K,)``.
    ranks
        How many of the best arms matter.
    """
    lower, upper = posterior.bulk()
    left = float(np.sort(lower)[-min(ranks, lower.size)])
    arms = np.flatnonzero(upper > left)
    kept = posterior[arms]
    edges = _edges(kept, left, lower[arms], upper[arms])
    points, weights, integrate = _rule(NODES)
    half = np.diff(edges) / 2
    at = (edges[:-1] + half)[:, None] + half[:, None] * points
    below, above = kept.below(left)
    density = kept.density(at.reshape(-1, 1)).reshape(half.size, NODES, arms.size)
    inside = np.matmul(integrate, density) * half[:, None, None]
    pieces = np.tensordot(density, weights, axes=(1, 0)) * half[:, None]
    ends = np.cumsum(pieces, axis=0)
    # The constant of each density follows from the mass that must lie above the left edge.
    constant = above / ends[-1]
    inside[1:] += ends[:-1, None, :]
    cdf = np.clip(below + inside * constant, 1e-300, 1.0)
    return Table(
        arms=arms,
        at=at.ravel(),
        weights=(half[:, None] * weights).ravel(),
        density=(density * constant).reshape(-1, arms.size),
        cdf=cdf.reshape(-1, arms.size),
    )


def _edges(posterior: Posterior, left: float, lower: FloatArray, upper: FloatArray) -> FloatArray:
    edges, right = [left], float(upper.max())
    while edges[-1] < right:
        at = edges[-1]
        # A piece either resolves an arm's density or ends where that arm's bulk begins.
        bear = np.maximum(STEP * posterior.local_scale(at), lower - at)
        step = float(bear[upper > at].min())
        edges.append(min(at + step, right))
        if len(edges) > _MOST_PIECES or edges[-1] <= at:
            raise ValueError("posteriors differ in width by too many orders of magnitude")
    return np.array(edges)


@lru_cache(maxsize=4)
def _rule(nodes: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return nodes, weights, and the matrix that integrates from −1 to every node."""
    points, weights = legendre.leggauss(nodes)
    values = legendre.legvander(points, nodes)
    order = np.arange(nodes)
    # f ≈ Σ c_n P_n with c_n = (2n + 1)/2 Σ w f P_n, and ∫ P_n = (P_{n+1} − P_{n−1}) / (2n + 1).
    coefficients = (values[:, :nodes] * weights[:, None]).T * (2 * order[:, None] + 1) / 2
    integrals = np.empty((nodes, nodes))
    integrals[:, 0] = points + 1
    integrals[:, 1:] = (values[:, 2:] - values[:, : nodes - 1]) / (2 * order[1:] + 1)
    return points, weights, integrals @ coefficients
