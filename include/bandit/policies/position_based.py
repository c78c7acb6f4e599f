"""Position-based model: all slots of a slate together, one attraction per arm."""

import numpy as np

from include.bandit.best_arm import rank_probabilities
from include.bandit.evidence import Evidence
from include.bandit.policies import base
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError

_SWEEPS = 100


class Params(base.Params):
    """Probability that each position is looked at, best 1; estimated when left out."""

    examination: tuple[base.Probability, ...] | None = None


def propose(belief: base.Belief, params: Params) -> FloatArray:
    """Return P(rank 1, 2, …) of every arm, ``(P, K)``: the r-th most examined slot gets rank r.

    A reward in position l has probability κ_l θ_k (Lagrée, Vernade & Cappé 1606.02448). Slots
    are drawn independently, so an arm may fill two slots of one slate; the shares are exact
    as marginals.

    Raises
    ------
    ExperimentError
        If there are more positions than arms, or rewards may be negative.
    """
    positions, arms = belief.evidence.n.shape
    if positions > arms:
        raise ExperimentError(f"policy position_based: {positions} positions for {arms} arms")
    if belief.reward.kind == "real" or belief.reward.lower < 0:
        raise ExperimentError("policy position_based needs rewards that are never negative")
    examined = _examination(belief.evidence, params)
    ranks = rank_probabilities(belief.update(attraction(belief.evidence, examined)), positions)
    shares = np.empty_like(ranks)
    shares[np.argsort(-examined, kind="stable")] = ranks
    return shares


def attraction(evidence: Evidence, examined: FloatArray) -> Evidence:
    """Return evidence about arms' attractions: n = Σ_l κ_l n_lk, Σr summed over positions.

    The exact posterior ∝ θ^S Π_l (1 − κ_l θ)^(n_l − S_l) is matched to first order in κθ,
    so the sharper the smaller the rates (clicks); above rates of about 20 % with strongly
    differing κ its width is a few per cent off.
    """
    n = np.sum(evidence.n * examined[:, None], axis=0)
    sum_r, sum_r2 = evidence.sum_r.sum(axis=0), evidence.sum_r2.sum(axis=0)
    # An arm cannot have been examined less often than it was rewarded.
    return Evidence(np.maximum(n, sum_r), sum_r, sum_r2)


def estimate_examination(evidence: Evidence) -> FloatArray:
    """Estimate κ per position by maximum likelihood of Poisson counts, the largest being 1.

    Alternates θ_k = Σ_l S_lk / Σ_l κ_l n_lk and κ_l = (Σ_k S_lk + 1) / (Σ_k θ_k n_lk + 1);
    the ones are a pseudo-reward for full examination, so that an unseen position has κ = 1.
    Identified only when arms change positions, as every floor sees to.
    """
    examined = np.ones(evidence.n.shape[0])
    per_position, per_arm = evidence.sum_r.sum(axis=1), evidence.sum_r.sum(axis=0)
    for _ in range(_SWEEPS):
        chances = examined @ evidence.n
        rates = per_arm / np.where(chances > 0, chances, 1.0)
        examined = (per_position + 1) / (evidence.n @ rates + 1)
        examined = examined / examined.max()
    return examined


def _examination(evidence: Evidence, params: Params) -> FloatArray:
    if params.examination is None:
        return estimate_examination(evidence)
    declared = np.array(params.examination, np.float64)
    if declared.size != evidence.n.shape[0] or not np.all(declared > 0):
        raise ExperimentError(
            f"policy position_based: examination needs {evidence.n.shape[0]} numbers above 0; "
            f"got {list(params.examination)}"
        )
    return declared
