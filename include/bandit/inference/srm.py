"""Sequential sample-ratio mismatch (Lindon & Malek 2011.03567): units arrive as published, or not.

Within a weights version every unit, counted once, falls to arm k with the published share
θ_k. Against a Dirichlet alternative centred there the Bayes factor of the counts,

    BF = B(κθ + n) / B(κθ) / Π_k θ_k^{n_k},

is a non-negative martingale under the shares, so that 1/max BF is a p-value valid at every
look. Versions are independent given their shares: their factors multiply. Three mixtures, each
of martingales and so itself one, keep it powerful when every day is a version:

* a fault may begin late, when clean versions have already cost evidence: the product is
  started at every version s, with prior mass 1/(s(s + 1));
* a fault that lasts is learned: beside the alternative around the shares stands one around
  the shares tilted by what earlier versions showed, halved with every third version;
* where the shares are known to have been others (a stale cache serves older ones), that is
  what the tilt picks up, as far as it stays alike from version to version.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import gammaln

from include.bandit.statistics import FloatArray, IntArray

# Pseudo-units of the alternative: how near to the shares a mismatch is expected.
CONCENTRATION: Final = 400.0
# What is kept of the tilt from one version to the next: half of it after three.
_KEPT: Final = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class SampleRatio:
    """What the test says after each version, arrays ``(..., versions)``.

    Attributes
    ----------
    p_value
        Always-valid; never rises. Exactly 0 (in floats) where an arm without a share had units.
    mismatch
        Where p ≤ α.
    arm
        The arm whose own test (it against all others) speaks loudest; −1 without mismatch.
    excess
        Observed minus published share of every arm, over all versions, ``(..., versions, K)``.
    """

    p_value: FloatArray
    mismatch: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    arm: IntArray
    excess: FloatArray


def sample_ratio(units: IntArray, shares: FloatArray, *, alpha: float = 0.01) -> SampleRatio:
    """Test counts of units per version against that version's shares.

    Parameters
    ----------
    units
        Units per version and arm, ``(..., versions, K)``, each unit once per version.
    shares
        Published shares, same shape, rows summing to 1.
    alpha
        Probability of ever alarming without a mismatch, over all versions and looks.

    Raises
    ------
    ValueError
        If counts are negative, shapes differ, or shares do not sum to 1.
    """
    _check(units, shares)
    n = units.astype(np.float64)
    evidence = _evidence(n, shares)
    rest_n, rest = n.sum(axis=-1, keepdims=True) - n, 1.0 - shares
    own = np.stack(
        [
            _evidence(np.stack(pair[0], axis=-1), np.stack(pair[1], axis=-1))
            for pair in _one_against_rest(n, rest_n, shares, rest)
        ],
        axis=-1,
    )
    p_value = np.exp(-np.maximum.accumulate(np.maximum(evidence, 0.0), axis=-1))
    mismatch = p_value <= alpha
    total = np.maximum(np.cumsum(n.sum(axis=-1), axis=-1), 1.0)
    expected = np.cumsum(shares * n.sum(axis=-1, keepdims=True), axis=-2)
    excess = (np.cumsum(n, axis=-2) - expected) / total[..., None]
    # Of two arms neither speaks louder; units get lost more often than they are made up.
    loudness = np.maximum.accumulate(own, axis=-2) if n.shape[-1] > 2 else -excess
    loudest = np.argmax(loudness, axis=-1)
    return SampleRatio(p_value, mismatch, np.where(mismatch, loudest, -1), excess)


def _one_against_rest(
    n: FloatArray, rest_n: FloatArray, shares: FloatArray, rest: FloatArray
) -> list[tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]]:
    return [
        ((n[..., k], rest_n[..., k]), (shares[..., k], np.maximum(rest[..., k], 0.0)))
        for k in range(n.shape[-1])
    ]


def _evidence(n: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the log evidence after each version, both alternatives given half the stake."""
    fresh = _anytime(_log_factor(n, shares, CONCENTRATION * shares))
    learned = _anytime(_log_factor(n, shares, _learned(n, shares)))
    return np.asarray(np.logaddexp(fresh, learned) - np.log(2.0))


def _learned(n: FloatArray, shares: FloatArray) -> FloatArray:
    """Return Dirichlet parameters around the shares as earlier versions tilted them."""
    expected = shares * n.sum(axis=-1, keepdims=True)
    prior = np.empty_like(n)
    seen, due = np.zeros_like(n[..., 0, :]), np.zeros_like(n[..., 0, :])
    for version in range(n.shape[-2]):
        now = shares[..., version, :]
        tilted = now * (seen + CONCENTRATION * now) / np.maximum(due + CONCENTRATION * now, 1e-300)
        weight = CONCENTRATION + due.sum(axis=-1, keepdims=True)
        mass = np.maximum(tilted.sum(axis=-1, keepdims=True), 1e-300)
        prior[..., version, :] = np.where(now > 0, np.maximum(weight * tilted / mass, 1e-6), 0.0)
        seen = _KEPT * (seen + n[..., version, :])
        due = _KEPT * (due + expected[..., version, :])
    return prior


def _log_factor(n: FloatArray, shares: FloatArray, prior: FloatArray) -> FloatArray:
    """Return log BF per version; +∞ where an arm without a share has a unit."""
    some = shares > 0
    safe = np.where(some, prior, 1.0)
    log_share = np.log(np.where(some, shares, 1.0))
    arms = np.where(some, gammaln(safe + n) - gammaln(safe) - n * log_share, 0.0)
    total = n.sum(axis=-1)
    mass = prior.sum(axis=-1)
    factor = arms.sum(axis=-1) + gammaln(mass) - gammaln(mass + total)
    return np.where(np.any((n > 0) & ~some, axis=-1), np.inf, factor)


def _anytime(log_factor: FloatArray) -> FloatArray:
    """Mix the products that start at each version; return the log evidence after each."""
    versions = log_factor.shape[-1]
    mixed = np.full(log_factor.shape[:-1], -np.inf)
    evidence = np.empty_like(log_factor)
    for version in range(versions):
        start = -np.log((version + 1.0) * (version + 2.0))
        mixed = np.logaddexp(mixed, start) + log_factor[..., version]
        # Starts that have not come yet still hold their stake of 1/(versions so far + 1).
        evidence[..., version] = np.logaddexp(mixed, -np.log(version + 2.0))
    return evidence


def _check(units: IntArray, shares: FloatArray) -> None:
    if units.shape != shares.shape or units.ndim < 2 or units.shape[-1] < 2:
        raise ValueError(
            f"units and shares need one shape (..., versions, arms ≥ 2); got "
            f"{units.shape} and {shares.shape}"
        )
    if np.any(units < 0):
        raise ValueError("a count of units is negative")
    if not np.all(np.isfinite(shares)) or np.any(shares < 0):
        raise ValueError("a share is negative or not a number")
    if not np.allclose(shares.sum(axis=-1), 1.0, atol=1e-6):
        raise ValueError("shares of a version do not sum to 1")
