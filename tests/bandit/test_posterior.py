"""Posterior families: moments, quantiles, and that the bulk holds the mass."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from include.bandit.posterior import BetaPosterior, NormalPosterior, Posterior, StudentPosterior

ONE = np.ones(1)
FAMILIES = [
    (BetaPosterior(3 * ONE, 7 * ONE), stats.beta(3, 7)),
    (BetaPosterior(0.5 * ONE, 0.5 * ONE), stats.beta(0.5, 0.5)),
    (NormalPosterior(2 * ONE, 3 * ONE), stats.norm(2, 3)),
    (StudentPosterior(2 * ONE, 3 * ONE, 5 * ONE), stats.t(5, 2, 3)),
]


@pytest.mark.parametrize(("posterior", "reference"), FAMILIES)
def test_moments_and_quantiles_agree_with_scipy(
    posterior: Posterior, reference: stats.rv_continuous
) -> None:
    assert posterior.mean()[0] == pytest.approx(reference.mean(), rel=1e-12)
    assert posterior.sd()[0] == pytest.approx(reference.std(), rel=1e-12)
    for level in (0.025, 0.5, 0.9):
        value = posterior.quantile(level)
        assert value[0] == pytest.approx(reference.ppf(level), rel=1e-9)
        assert posterior.cdf(value)[0] == pytest.approx(level, rel=1e-9)


@pytest.mark.parametrize(("posterior", "reference"), FAMILIES)
def test_density_and_mass_below_agree_with_the_distribution(
    posterior: Posterior, reference: stats.rv_continuous
) -> None:
    lower, upper = (float(end[0]) for end in posterior.bulk())
    points, weights = np.polynomial.legendre.leggauss(200)
    at = (lower + (upper - lower) * (points + 1) / 4, (upper - (upper - lower) * (points + 1) / 4))
    left, right = (weights @ posterior.density(side.reshape(-1, 1))[:, 0] for side in at)
    share = left / (left + right)
    below, above = posterior.below((lower + upper) / 2)
    assert below[0] + above[0] == pytest.approx(1.0, abs=1e-12)
    assert below[0] == pytest.approx(share, abs=1e-6)
    assert below[0] == pytest.approx(
        reference.cdf(posterior.value(np.array([(lower + upper) / 2]))[0]), abs=1e-12
    )


@given(st.floats(-2, 15), st.floats(-2, 15))
@example(15, -2)
@example(-2, 15)
def test_the_bulk_of_any_beta_holds_the_mass(log_alpha: float, log_beta: float) -> None:
    posterior = BetaPosterior(10**log_alpha * ONE, 10**log_beta * ONE)
    lower, upper = posterior.bulk()
    assert math.isfinite(lower[0])
    assert lower[0] < upper[0]
    assert posterior.below(float(lower[0]))[0][0] < 1e-13
    assert posterior.below(float(upper[0]))[1][0] < 1e-13


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_parameters_out_of_range_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="posterior"):
        BetaPosterior(bad * ONE, ONE)
    with pytest.raises(ValueError, match="posterior"):
        NormalPosterior(ONE, bad * ONE)
    with pytest.raises(ValueError, match="posterior"):
        StudentPosterior(ONE, ONE, bad * ONE)
