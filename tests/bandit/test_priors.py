"""Conjugate updates by hand and by brute force, and what empirical Bayes is good for."""

import numpy as np
import pytest
from scipy import stats

from include.bandit.evidence import Evidence
from include.bandit.posterior import BetaPosterior, NormalPosterior, StudentPosterior
from include.bandit.priors import fit_beta_prior, fit_normal_prior, update
from include.bandit.statistics import FloatArray
from include.errors import StatisticsError
from include.experiments.schema import Prior, Reward

BERNOULLI, REAL = Reward(), Reward(kind="real")
FLAT = Prior()


def evidence(n: object, sum_r: object, sum_r2: object | None = None) -> Evidence:
    rewards = np.asarray(sum_r, np.float64)
    squares = rewards if sum_r2 is None else np.asarray(sum_r2, np.float64)
    return Evidence(np.asarray(n, np.float64), rewards, squares)


def of_samples(samples: list[FloatArray]) -> Evidence:
    return evidence(
        [s.size for s in samples], [s.sum() for s in samples], [(s**2).sum() for s in samples]
    )


def test_beta_by_hand() -> None:
    found = update(evidence([10, 0], [3, 0]), BERNOULLI, Prior(alpha=1, beta=99), "ab")
    assert isinstance(found, BetaPosterior)
    assert found.alpha.tolist() == [4, 1]
    assert found.beta.tolist() == [106, 99]


def test_an_informative_prior_speaks_for_its_arms_alone() -> None:
    prior = Prior(kind="informative", version="2026-01", alpha=1, beta=1, arms={"b": (5, 95)})
    found = update(evidence([0, 0], [0, 0]), BERNOULLI, prior, ("a", "b"))
    assert found.params()["alpha"].tolist() == [1, 5]
    assert found.params()["beta"].tolist() == [1, 95]


def test_bounded_by_hand() -> None:
    # Rewards in [0, 4]: v₀ = 4. Two observations 1 and 3, one pseudo-observation at 2:
    # location (2 + 4) / 3, variance ((1 · 4 + 2) / 3) / 3.
    reward = Reward(kind="bounded", lower=0, upper=4)
    found = update(evidence([2.0], [4.0], [10.0]), reward, Prior(mean=2.0), "a")
    assert isinstance(found, NormalPosterior)
    assert found.location.tolist() == [2.0]
    assert found.scale[0] == pytest.approx(np.sqrt(2 / 3))


def test_real_agrees_with_integrating_the_variance_out() -> None:
    # Brute force: Normal–inverse-gamma prior times Normal likelihood on a grid of (μ, σ²).
    samples = np.array([1.2, 0.4, 2.2, 1.7, 0.9])
    prior = Prior(mean=0.5, strength=2.0, deviation=1.5)
    found = update(of_samples([samples]), REAL, prior, "a")
    assert isinstance(found, StudentPosterior)
    shape, rate = (3 + 2.0) / 2, (1 + 2.0) / 2 * 1.5**2
    mu = np.linspace(-9, 11, 2001)[:, None]
    log_variance = np.linspace(-6, 6, 601)[None, :]
    variance = np.exp(log_variance)
    log_joint = (
        stats.invgamma.logpdf(variance, shape, scale=rate)
        + log_variance
        + stats.norm.logpdf(mu, 0.5, np.sqrt(variance / 2.0))
        - samples.size / 2 * log_variance
        - (((samples - mu) ** 2).sum(axis=1, keepdims=True)) / (2 * variance)
    )
    density = np.exp(log_joint - log_joint.max()).sum(axis=1)
    density /= density.sum()
    mean = density @ mu[:, 0]
    assert found.mean()[0] == pytest.approx(mean, abs=1e-6)
    assert found.sd()[0] == pytest.approx(np.sqrt(density @ (mu[:, 0] - mean) ** 2), rel=1e-3)
    for at in (0.0, 1.0, 2.0):
        expected = density[mu[:, 0] < at - 1e-9].sum() + density[np.isclose(mu[:, 0], at)].sum() / 2
        assert found.cdf(np.array([at]))[0] == pytest.approx(expected, abs=1e-4)


def test_rewards_that_never_vary_keep_a_width() -> None:
    for kind in ("bounded", "real"):
        found = update(evidence([1000, 1000], [0, 0]), Reward(kind=kind), FLAT, "ab")
        assert np.all(found.sd() > 0)


@pytest.mark.parametrize("kind", ["bernoulli", "bounded", "real"])
@pytest.mark.parametrize("bayes", ["declared", "empirical_bayes"])
def test_no_data_gives_a_posterior_all_the_same(kind: str, bayes: str) -> None:
    prior = Prior.model_validate({"kind": bayes})
    found = update(evidence([0] * 4, [0] * 4), Reward.model_validate({"kind": kind}), prior, "abcd")
    assert np.all(np.isfinite(found.mean()))
    assert np.all(np.isfinite(found.sd()))


@pytest.mark.parametrize(
    ("reward", "n", "sum_r"),
    [
        (BERNOULLI, 10, 11),
        (BERNOULLI, 10, -1),
        (Reward(kind="bounded", lower=1, upper=5), 10, 9),
        (Reward(kind="bounded", lower=1, upper=5), 10, 51),
        (BERNOULLI, 2e15, 1),
    ],
)
def test_sums_that_the_reward_cannot_produce_are_refused(
    reward: Reward, n: float, sum_r: float
) -> None:
    with pytest.raises(StatisticsError):
        update(evidence([n, 10], [sum_r, 10]), reward, FLAT, "ab")


def test_the_fitted_beta_prior_recovers_the_truth() -> None:
    rng = np.random.default_rng(3)
    rates = rng.beta(4, 196, 4000)
    n = rng.integers(200, 2000, 4000)
    mean, strength = fit_beta_prior(evidence(n, rng.binomial(n, rates)), FLAT)
    assert mean == pytest.approx(0.02, rel=0.03)
    assert strength == pytest.approx(200, rel=0.15)


def test_the_fitted_normal_prior_recovers_the_truth() -> None:
    # Arms spread with sd 0.5 around 3, rewards with sd 2: strength 2² / 0.5² = 16.
    rng = np.random.default_rng(4)
    n = rng.integers(5, 50, 4000)
    means = rng.normal(rng.normal(3, 0.5, 4000), 2 / np.sqrt(n))
    mean, strength = fit_normal_prior(evidence(n, n * means, n * means**2), FLAT, 4.0)
    assert mean == pytest.approx(3, abs=0.05)
    assert strength == pytest.approx(16, rel=0.2)


def test_equal_arms_are_shrunk_to_each_other() -> None:
    rng = np.random.default_rng(5)
    n = np.full(80, 500)
    seen = evidence(n, rng.binomial(n, 0.02))
    found = update(seen, BERNOULLI, Prior(kind="empirical_bayes"), ["x"] * 80)
    assert np.std(found.mean()) < np.std(seen.mean()) / 5


def test_too_few_arms_keep_the_declared_prior() -> None:
    prior = Prior(kind="empirical_bayes", alpha=2, beta=8)
    assert fit_beta_prior(evidence([100, 100], [3, 7]), prior) == (0.2, 10.0)
    assert fit_beta_prior(evidence([100] * 5, [0] * 5), prior) == (0.2, 10.0)


def test_shrinkage_lowers_the_error_of_80_arms_with_few_clicks() -> None:
    rng = np.random.default_rng(6)
    gains = []
    for _ in range(60):
        rates = rng.beta(5, 995, 80)
        n = rng.integers(100, 400, 80)
        seen = evidence(n, rng.binomial(n, rates))
        errors = [
            np.mean((update(seen, BERNOULLI, prior, ["x"] * 80).mean() - rates) ** 2)
            for prior in (Prior(kind="empirical_bayes"), Prior(alpha=1, beta=99), FLAT)
        ]
        gains.append([errors[1] / errors[0], errors[2] / errors[0]])
    # Better than even a well-meant declared prior, and far better than a flat one.
    assert np.mean(np.array(gains)[:, 0] > 1) > 0.9
    assert np.median(gains, axis=0)[1] > 3
