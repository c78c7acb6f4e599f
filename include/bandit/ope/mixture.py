"""Several weights versions in one log: one denominator for all.

A row logged under version v is weighted by π / p_v as it stands, which is unbiased but
lets one timid version blow up the weight. The balanced estimator divides by the mixture
p̄ = Σ_v (n_v / n) p_v instead (Agarwal et al. 1703.06180), and DR with it is the efficient
choice (Kallus, Saito & Uehara 2010.11002). Both take the versions as fixed beforehand. When
a version was learnt from earlier rows of the same log the mixture depends on them:
a bias of order 1/n, and no confidence sequence on mixture weights. And it takes rewards as the
same under all versions: where they move in time while shares do, it is biased, and the
estimates at each row's own propensity are the ones to read.
"""

from dataclasses import replace

import numpy as np

from include.bandit.feedback import Feedback, check_policy
from include.bandit.ope.estimate import Estimate
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError, FeedbackError


def mixture_shares(rows: IntArray, shares: FloatArray) -> FloatArray:
    """Return the mixture's shares p̄, shape (P, K).

    Parameters
    ----------
    rows
        Decisions per version and position, shape (V, P).
    shares
        Published shares per version, shape (V, P, K).
    """
    for table in shares:
        check_policy(table, (shares.shape[1], shares.shape[2]))
    total = np.maximum(rows.sum(axis=0), 1)
    return np.asarray(np.einsum("vp,vpk->pk", rows / total, shares))


def balanced(feedback: Feedback, shares: FloatArray) -> Feedback:
    """Return the log with the mixture's propensities.

    Parameters
    ----------
    feedback
        A log whose ``version`` indexes the first axis of ``shares``.
    shares
        Shape (V, P, K).

    Raises
    ------
    FeedbackError
        If rows name no version, or one that has no shares.
    """
    if feedback.version is None or feedback.version.min() < 0:
        raise FeedbackError("a mixture needs the weights version of every row")
    if feedback.version.max() >= len(shares):
        raise FeedbackError(f"version {feedback.version.max()} has no shares ({len(shares)} given)")
    rows = np.zeros(shares.shape[:2], np.int64)
    np.add.at(rows, (feedback.version, feedback.position), 1)
    mixture = mixture_shares(rows, shares)
    return replace(feedback, pscore=mixture[feedback.position, feedback.arm])


def balanced_sums(statistics: ArmStatistics, shares: FloatArray) -> ArmStatistics:
    """Return the sums with the mixture's propensities, shape (P, K).

    Parameters
    ----------
    statistics, shares
        Both of shape (V, P, K), one entry per weights version.
    """
    if statistics.n.shape != shares.shape:
        raise FeedbackError(f"sums of shape {statistics.n.shape}, shares of {shares.shape}")
    pooled = statistics.pooled(axis=0)
    mixture = mixture_shares(statistics.n.sum(axis=2), shares)
    return at_shares(pooled, mixture)


def at_shares(statistics: ArmStatistics, shares: FloatArray) -> ArmStatistics:
    """Return the sums as they would be, had every row been logged at the given shares.

    Parameters
    ----------
    statistics
        Shape (..., P, K).
    shares
        Shape (P, K); where one is 0 there may be no rows.
    """
    if np.any((shares <= 0) & (statistics.n > 0)):
        raise FeedbackError("an arm was logged under versions that give it no share")
    inverse = np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)
    return replace(
        statistics,
        sum_ip=np.asarray(statistics.n * inverse, np.float64),
        sum_ip2=np.asarray(statistics.n * inverse**2, np.float64),
        sum_r_ip=statistics.sum_r * inverse,
        sum_r_ip2=statistics.sum_r * inverse**2,
        sum_r2_ip2=statistics.sum_r2 * inverse**2,
    )


def by_precision(estimates: list[Estimate]) -> tuple[float, float]:
    """Combine one estimate per version by inverse variances (Agarwal et al. 1703.06180, eq. 9).

    Returns
    -------
    value, variance
        Of the combination. Variances are estimated, so with few rows per version
        it leans towards versions that happened to see no reward; prefer `balanced`.
    """
    if not estimates:
        raise EvaluationError("no estimates to combine")
    variances = np.array([estimate.variance for estimate in estimates])
    if np.any(variances <= 0):
        raise EvaluationError("an estimate without variance cannot be weighted by precision")
    precision = 1.0 / variances
    values = np.array([estimate.value for estimate in estimates])
    return float(values @ precision / precision.sum()), float(1.0 / precision.sum())
