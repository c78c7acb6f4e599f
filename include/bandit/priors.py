"""From evidence to posterior: declared, informative and empirical-Bayes priors."""

from collections.abc import Callable, Sequence
from math import log
from typing import Final

import numpy as np
from scipy import optimize, special

from include.bandit.evidence import Evidence
from include.bandit.posterior import BetaPosterior, NormalPosterior, Posterior, StudentPosterior
from include.bandit.statistics import FloatArray
from include.errors import ExperimentError, StatisticsError
from include.experiments.schema import Prior, Reward

# Beyond this, doubles no longer tell neighbouring rates of a Beta posterior apart.
MOST_OBSERVATIONS: Final = 1e15
_TOLERANCE: Final = 1e-9


def update(evidence: Evidence, reward: Reward, prior: Prior, arms: Sequence[str]) -> Posterior:
    """Update the prior by evidence.

    ``bernoulli``: Beta(α + Σr, β + n − Σr). ``bounded``: Normal with the variance of
    `bounded_posterior`. ``real``: Student-t of `real_posterior`.

    Parameters
    ----------
    evidence
        Shape ``(..., K)``.
    reward, prior
        As declared; an ``empirical_bayes`` prior is fitted to the last axis.
    arms
        Arm ids in index order, by which an informative prior names its arms.

    Raises
    ------
    StatisticsError
        If the evidence contradicts the declared kind of reward.
    """
    check_evidence(evidence, reward)
    if prior.kind == "empirical_bayes" and evidence.n.ndim > 1:
        raise ValueError("an empirical-Bayes prior is fitted to one slot at a time")
    return _FAMILIES[reward.kind](evidence, reward, prior, arms)


def beta_posterior(
    evidence: Evidence,
    reward: Reward,  # noqa: ARG001
    prior: Prior,
    arms: Sequence[str],
) -> BetaPosterior:
    """Return Beta(α + Σr, β + n − Σr)."""
    alpha, beta = _pairs(prior, arms, (prior.alpha, prior.beta))
    if np.any(alpha <= 0):
        raise ExperimentError("prior.arms: alpha is to be positive for bernoulli rewards")
    if prior.kind == "empirical_bayes":
        mean, strength = fit_beta_prior(evidence, prior)
        alpha, beta = np.full(len(arms), mean * strength), np.full(len(arms), (1 - mean) * strength)
    failures = np.maximum(evidence.n - evidence.sum_r, 0.0)
    return BetaPosterior(alpha + evidence.sum_r, beta + failures)


def bounded_posterior(
    evidence: Evidence, reward: Reward, prior: Prior, arms: Sequence[str]
) -> NormalPosterior:
    """Return the Normal posterior of a mean within [a, b].

    With s pseudo-observations at the prior mean m: location (s m + Σr) / (s + n), variance
    v / (s + n), v = (s v₀ + Σ(r − r̄)²) / (s + n). The prior variance v₀ is (b − a)²/4, the
    largest that [a, b] admits, unless a deviation is declared: cautious before there is
    data, the arm's own afterwards. The tail beyond [a, b] is left in.
    """
    span = reward.upper - reward.lower
    deviation = span / 2 if prior.deviation is None else prior.deviation
    mean, strength = _mean_and_strength(evidence, prior, arms, deviation**2)
    if np.any((mean < reward.lower) | (mean > reward.upper)):
        raise ExperimentError(
            f"prior.mean lies outside the rewards' range [{reward.lower}, {reward.upper}]"
        )
    total = strength + evidence.n
    variance = (strength * deviation**2 + evidence.squares_within()) / total
    return NormalPosterior((strength * mean + evidence.sum_r) / total, np.sqrt(variance / total))


def real_posterior(
    evidence: Evidence,
    reward: Reward,  # noqa: ARG001
    prior: Prior,
    arms: Sequence[str],
) -> StudentPosterior:
    """Return the Student-t marginal of a Normal–inverse-gamma posterior (Murphy 2007, eq. 98-108).

    κ₀ = strength, a₀ = (3 + strength) / 2, so that the marginal has a variance before there is
    data, and b₀ = (a₀ − 1) d² with d the declared deviation of one reward. Without one, d² is
    the variance within arms, pooled over arms; 1 where rewards do not vary at all.
    """
    variance = variance_within(evidence) if prior.deviation is None else prior.deviation**2
    mean, strength = _mean_and_strength(evidence, prior, arms, variance)
    total = strength + evidence.n
    shape = (3 + strength) / 2 + evidence.n / 2
    drift = strength * evidence.n * (evidence.mean() - mean) ** 2 / total
    rate = (1 + strength) / 2 * variance + (evidence.squares_within() + drift) / 2
    location = (strength * mean + evidence.sum_r) / total
    return StudentPosterior(location, np.sqrt(rate / (shape * total)), 2 * shape)


def fit_beta_prior(evidence: Evidence, prior: Prior) -> tuple[float, float]:
    """Fit mean and strength α + β of a Beta prior to K arms by beta–binomial likelihood.

    The likelihood is maximised over the strength; the mean is the precision-weighted
    mean of the arms at that strength, so that an arm with much traffic does not speak for
    all. With fewer than three observed arms, or none or only rewards, the declared α and
    β stand.
    """
    seen = evidence.n > 0
    n, r = evidence.n[seen], np.clip(evidence.sum_r[seen], 0.0, evidence.n[seen])
    if n.size < 3 or not 0 < r.sum() < n.sum():
        return prior.alpha / (prior.alpha + prior.beta), prior.alpha + prior.beta

    def loss(strength: float) -> float:
        mean = _precision_weighted(r / n, n, strength)
        alpha, beta = mean * strength, (1 - mean) * strength
        fit = special.betaln(alpha + r, beta + n - r) - special.betaln(alpha, beta)
        return -float(np.sum(fit))

    strength = _best_strength(loss, float(n.sum()))
    return _precision_weighted(r / n, n, strength), strength


def fit_normal_prior(evidence: Evidence, prior: Prior, variance: float) -> tuple[float, float]:
    """Fit mean and strength (in observations) of a Normal prior to K arms by likelihood.

    Arm means are N(m, σ²(1/n + 1/s)); the fit is over s, with m precision-weighted.
    """
    seen = evidence.n > 0
    n, mean = evidence.n[seen], evidence.mean()[seen]
    if n.size < 3:
        return prior.mean, prior.strength

    def loss(strength: float) -> float:
        spread = variance * (1 / n + 1 / strength)
        off = mean - _precision_weighted(mean, n, strength)
        return float(np.sum(np.log(spread) + off**2 / spread)) / 2

    strength = _best_strength(loss, float(n.sum()))
    return _precision_weighted(mean, n, strength), strength


def check_evidence(evidence: Evidence, reward: Reward) -> None:
    """Refuse evidence that the declared kind of reward cannot produce.

    Raises
    ------
    StatisticsError
        If Σr leaves [a n, b n] (for ``bernoulli`` [0, n]), or a count is beyond 1e15.
    """
    if np.any(evidence.n > MOST_OBSERVATIONS):
        raise StatisticsError(f"an arm has more than {MOST_OBSERVATIONS:.0e} observations")
    if reward.kind == "real":
        return
    lower, upper = (0.0, 1.0) if reward.kind == "bernoulli" else (reward.lower, reward.upper)
    slack = _TOLERANCE * (1 + evidence.n * max(abs(lower), abs(upper)))
    outside = (evidence.sum_r > upper * evidence.n + slack) | (
        evidence.sum_r < lower * evidence.n - slack
    )
    if np.any(outside):
        where = int(np.argwhere(outside)[0][-1])
        raise StatisticsError(
            f"arm {where}: Σr {evidence.sum_r[outside][0]} with n {evidence.n[outside][0]} is "
            f"impossible for {reward.kind} rewards within [{lower}, {upper}]"
        )


def _pairs(
    prior: Prior, arms: Sequence[str], common: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    pairs = np.array([prior.arms.get(arm, common) for arm in arms])
    return pairs[:, 0], pairs[:, 1]


def _mean_and_strength(
    evidence: Evidence, prior: Prior, arms: Sequence[str], variance: float
) -> tuple[FloatArray, FloatArray]:
    mean, strength = _pairs(prior, arms, (prior.mean, prior.strength))
    if prior.kind == "empirical_bayes":
        fitted = fit_normal_prior(evidence, prior, variance_within(evidence, variance))
        return np.full(len(arms), fitted[0]), np.full(len(arms), fitted[1])
    return mean, strength


def variance_within(evidence: Evidence, otherwise: float = 1.0) -> float:
    """Return Σ(r − r̄)² over all arms by its degrees of freedom; `otherwise` where it is 0."""
    freedom = float(np.sum(np.maximum(evidence.n - 1, 0.0)))
    squares = float(np.sum(evidence.squares_within()))
    # Squares that are rounding noise beside Σr² would make a posterior of no width.
    if freedom <= 0 or squares <= 1e-12 * float(np.sum(evidence.sum_r2)):
        return otherwise
    return squares / freedom


def _precision_weighted(means: FloatArray, n: FloatArray, strength: float) -> float:
    weights = n / (n + strength)
    return float(np.sum(weights * means) / np.sum(weights))


def _best_strength(loss: Callable[[float], float], most: float) -> float:
    low, high = log(0.1), log(max(10.0, 10 * most))
    # A coarse grid first: the likelihood may be flat towards either end.
    grid = np.linspace(low, high, 33)
    best = int(np.argmin([loss(float(np.exp(at))) for at in grid]))
    bracket = (float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 32)]))
    found = optimize.minimize_scalar(
        lambda at: loss(float(np.exp(at))), bounds=bracket, method="bounded"
    )
    return float(np.exp(found.x))


_FAMILIES: Final[dict[str, Callable[[Evidence, Reward, Prior, Sequence[str]], Posterior]]] = {
    "bernoulli": beta_posterior,
    "bounded": bounded_posterior,
    "real": real_posterior,
}
