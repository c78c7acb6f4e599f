"""Which arm is best: P(best), P(rank), and what a wrong choice would cost.

All by deterministic quadrature, ∫ f_k Π_{j≠k} F_j: no seed, no Monte Carlo error in
the propensities that follow from it. Arms' posteriors are independent.
"""

import numpy as np

from include.bandit.posterior import Posterior
from include.bandit.quadrature import Table, tabulate
from include.bandit.statistics import FloatArray

MOST_ARMS = 10_000
_DECIMALS = 12


def best_arm_probabilities(posterior: Posterior) -> FloatArray:
    """Return P(arm is best) of every arm, the share of Thompson sampling.

    P_k = ∫ f_k(x) Π_{j≠k} F_j(x) dx (Scott 2010, doi 10.1002/asmb.874, who samples it).
    Accurate to about 1e-12; rounded to 1e-12, so that equal inputs give equal bytes.

    Parameters
    ----------
    posterior
        One posterior per arm, shape ``(K,)``.

    Returns
    -------
    FloatArray
        Shape ``(K,)``, summing to 1 up to the rounding.

    Raises
    ------
    ValueError
        If there is no arm, or more than 10,000.
    """
    arms = _check_arms(posterior)
    table = tabulate(posterior)
    return _spread(_integrate_best(table, np.ones_like(table.at)), table, arms)


def rank_probabilities(posterior: Posterior, ranks: int) -> FloatArray:
    """Return P(arm has rank 1, 2, …) of every arm, exactly.

    P(rank r) = ∫ f_k(x) P(exactly r − 1 of the other arms exceed x) dx. The count of the
    others is a Poisson–binomial, built up from both sides so that leaving arm k out
    never subtracts.

    Parameters
    ----------
    posterior
        One posterior per arm, shape ``(K,)``.
    ranks
        How many ranks, at most K.

    Returns
    -------
    FloatArray
        Shape ``(ranks, K)``; every row sums to 1.
    """
    arms = _check_arms(posterior)
    if not 1 <= ranks <= arms:
        raise ValueError(f"{ranks} ranks among {arms} arms")
    table = tabulate(posterior, ranks)
    before, after = _counts_from_both_sides(table, ranks)
    mass = table.weights[:, None] * table.density
    rows = []
    for rank in range(ranks):
        others = sum(before[i] * after[rank - i] for i in range(rank + 1))
        rows.append(_spread(np.sum(mass * others, axis=0), table, arms))
    return np.stack(rows)


def expected_loss(posterior: Posterior) -> FloatArray:
    """Return E[max_j θ_j − θ_k]: what always playing arm k is expected to give up.

    A description, not a test. E[max] is integrated on the same grid as P(best).
    """
    _check_arms(posterior)
    table = tabulate(posterior)
    shares = _integrate_best(table, np.ones_like(table.at))
    best = _integrate_best(table, posterior.value(table.at))
    expected_max = float(np.sum(best) / np.sum(shares))
    loss: FloatArray = np.maximum(expected_max - posterior.mean(), 0.0)
    return loss


def _integrate_best(table: Table, values: FloatArray) -> FloatArray:
    """Return ∫ v f_k Π_{j≠k} F_j for the arms of the table."""
    # Π may underflow only where it is below 1e-300, where it does not count.
    product = np.prod(table.cdf, axis=1)
    mass: FloatArray = (table.weights * values * product) @ (table.density / table.cdf)
    return mass


def _counts_from_both_sides(table: Table, ranks: int) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return P(i arms before k exceed x) and P(i arms after k exceed x), i < ranks."""
    cdf = np.ascontiguousarray(table.cdf.T)
    before = np.zeros((ranks, *cdf.shape))
    after = np.zeros((ranks, *cdf.shape))
    before[0, 0] = after[0, -1] = 1.0
    for arm in range(1, len(cdf)):
        _count_one_more(before, arm - 1, arm, cdf)
        _count_one_more(after, len(cdf) - arm, len(cdf) - arm - 1, cdf)
    return [part.T for part in before], [part.T for part in after]


def _count_one_more(counts: FloatArray, arm: int, target: int, cdf: FloatArray) -> None:
    """Add one arm to the count of those that exceed x."""
    counts[:, target] = counts[:, arm] * cdf[arm]
    counts[1:, target] += counts[:-1, arm] * (1 - cdf[arm])


def _spread(mass: FloatArray, table: Table, arms: int) -> FloatArray:
    shares = np.zeros(arms)
    shares[table.arms] = np.maximum(mass, 0.0) / np.sum(mass)
    return np.round(shares, _DECIMALS)


def _check_arms(posterior: Posterior) -> int:
    shape = posterior.mean().shape
    if len(shape) != 1 or not 1 <= shape[0] <= MOST_ARMS:
        raise ValueError(f"P(best) needs 1 to {MOST_ARMS:,} arms on one axis; got shape {shape}")
    return int(shape[0])
