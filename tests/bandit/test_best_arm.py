"""P(best), ranks and expected loss against closed forms and independent integrations."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from include.bandit.best_arm import best_arm_probabilities, expected_loss, rank_probabilities
from include.bandit.posterior import BetaPosterior, NormalPosterior, Posterior, StudentPosterior
from include.bandit.statistics import FloatArray


def beta(alpha: list[float], beta: list[float]) -> BetaPosterior:
    return BetaPosterior(np.array(alpha, float), np.array(beta, float))


def normal(location: list[float], scale: list[float]) -> NormalPosterior:
    return NormalPosterior(np.array(location, float), np.array(scale, float))


def closed_form(a: tuple[int, int], b: tuple[int, int]) -> float:
    """P(Beta(a) > Beta(b)) for whole α_a: a finite sum (Miller 2015), in 40 digits."""
    with mpmath.workdps(40):
        total = mpmath.mpf(0)
        for i in range(a[0]):
            part = mpmath.beta(b[0] + i, a[1] + b[1])
            total += part / ((a[1] + i) * mpmath.beta(1 + i, a[1]) * mpmath.beta(*b))
        return float(total)


def by_sinc(log_density: list[object], low: float, high: float, points: int = 400) -> FloatArray:
    """P(best) by sinc (trapezoidal) integration of densities evaluated in 40 digits.

    An independent rule: F(x_i) = h Σ_j f(x_j) (1/2 + Si(π(i − j))/π) converges exponentially.
    """
    grid, step = np.linspace(low, high, points, retstep=True)
    with mpmath.workdps(40):
        logs = [[log(mpmath.mpf(float(x))) for x in grid] for log in log_density]  # type: ignore[operator]
        tops = [max(row) for row in logs]
        values = [
            [float(mpmath.exp(value - top)) for value in row]
            for row, top in zip(logs, tops, strict=True)
        ]
    density = np.array(values)
    density /= density.sum(axis=1, keepdims=True) * step
    gaps = np.arange(points)[:, None] - np.arange(points)[None, :]
    kernel = 0.5 + special.sici(np.pi * gaps)[0] / np.pi
    cdf = step * density @ kernel.T
    others = [np.prod(np.delete(cdf, arm, axis=0), axis=0) for arm in range(len(density))]
    shares: FloatArray = step * np.sum(density * np.array(others), axis=1)
    return shares


def test_two_uniform_posteriors_are_a_coin_toss() -> None:
    assert best_arm_probabilities(beta([1, 1], [1, 1])).tolist() == [0.5, 0.5]


def test_by_hand() -> None:
    # P(Beta(2, 1) > Beta(1, 1)) = ∫ 2x · x dx = 2/3
    assert best_arm_probabilities(beta([2, 1], [1, 1])) == pytest.approx([2 / 3, 1 / 3], abs=1e-12)
    # Three arms, densities 3x², 2x, 1: P_1 = ∫ 3x² · x² · x dx = 3/6, P_2 = ∫ 2x · x³ · x = 2/6.
    assert best_arm_probabilities(beta([3, 2, 1], [1, 1, 1])) == pytest.approx(
        [1 / 2, 1 / 3, 1 / 6]
    )


def test_one_arm_is_the_best() -> None:
    assert best_arm_probabilities(beta([3], [7])).tolist() == [1.0]
    assert rank_probabilities(beta([3], [7]), 1).tolist() == [[1.0]]
    assert expected_loss(beta([3], [7])) == pytest.approx([0.0], abs=1e-15)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 1), (1, 10_000_000)),
        ((1, 10_000_000), (1, 20_000_000)),
        ((3, 97), (5, 95)),
        ((40, 4000), (60, 4000)),
        ((300, 1), (1, 300)),
        ((2, 2), (1_000_000, 1_000_000)),
        ((500, 1_000_000), (510, 1_000_000)),
    ],
)
def test_two_betas_agree_with_the_closed_form(a: tuple[int, int], b: tuple[int, int]) -> None:
    found = best_arm_probabilities(beta([a[0], b[0]], [a[1], b[1]]))
    assert found[0] == pytest.approx(closed_form(a, b), abs=1e-11)


@pytest.mark.parametrize("gap", [0.0, 0.1, 1.0, 5.0])
@pytest.mark.parametrize("ratio", [1.0, 10.0, 1e4])
def test_two_normals_agree_with_the_closed_form(gap: float, ratio: float) -> None:
    found = best_arm_probabilities(normal([3.0 + gap, 3.0], [1.0, ratio]))
    assert found[0] == pytest.approx(special.ndtr(gap / math.hypot(1, ratio)), abs=1e-11)


@pytest.mark.parametrize("size", [1.0, 1e2, 1e5, 1e7])
def test_close_betas_agree_with_forty_digits(size: float) -> None:
    rng = np.random.default_rng(5)
    alpha = size * (1 + rng.uniform(0, 1, 4) / math.sqrt(size))
    rest = np.full(4, 3 * size)
    logs = [
        lambda t, a=a, b=b: a * t - (a + b) * mpmath.log1p(mpmath.exp(t))
        for a, b in zip(alpha, rest, strict=True)
    ]
    lower, upper = BetaPosterior(alpha, rest).bulk()
    expected = by_sinc(list(logs), float(lower.min()), float(upper.max()))
    found = best_arm_probabilities(BetaPosterior(alpha, rest))
    assert found == pytest.approx(expected, abs=1e-10)


def test_students_agree_with_forty_digits() -> None:
    # Substituting x = sinh(u) makes algebraic tails exponential, as the sinc rule needs.
    locations, scales, dfs = [0.0, 0.4, -0.3], [1.0, 0.5, 2.0], [3.0, 8.0, 40.0]
    logs = [
        lambda u, m=m, s=s, v=v: (
            mpmath.log(mpmath.cosh(u))
            - (v + 1) / 2 * mpmath.log1p(((mpmath.sinh(u) - m) / s) ** 2 / v)
        )
        for m, s, v in zip(locations, scales, dfs, strict=True)
    ]
    expected = by_sinc(list(logs), -13.0, 13.0, points=700)
    found = best_arm_probabilities(
        StudentPosterior(np.array(locations), np.array(scales), np.array(dfs))
    )
    assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("arms", "kind"),
    [(10, "close"), (10, "spread"), (80, "close"), (1000, "close"), (1000, "spread")],
)
def test_many_arms_agree_with_an_independent_fine_grid(arms: int, kind: str) -> None:
    rng = np.random.default_rng(arms)
    if kind == "close":
        n = rng.integers(500, 2000, arms)
        alpha = 1 + rng.binomial(n, 0.006).astype(float)
        rest = 99 + n - (alpha - 1)
    else:
        alpha, rest = 10 ** rng.uniform(0, 4, arms), 10 ** rng.uniform(0, 4, arms)
    found = best_arm_probabilities(BetaPosterior(alpha, rest))
    low = float(special.logit(special.betaincinv(alpha, rest, 1e-13)).max())
    high = -float(special.logit(special.betaincinv(rest, alpha, 1e-13)).min())
    points, weights = np.polynomial.legendre.leggauss(400)
    at, weights = low + (high - low) * (points + 1) / 2, weights * (high - low) / 2
    rate = special.expit(at)[:, None]
    cdf = np.maximum(special.betainc(alpha, rest, rate), 1e-300)
    logs = (
        alpha * np.log(rate) + rest * special.log_expit(-at)[:, None] - special.betaln(alpha, rest)
    )
    product = np.exp(np.log(cdf).sum(axis=1, keepdims=True) - np.log(cdf))
    expected = weights @ (np.exp(logs) * product)
    assert found == pytest.approx(expected, abs=1e-9)
    assert found.sum() == pytest.approx(1.0, abs=1e-9)


def test_two_against_three_per_cent_with_much_data_is_settled() -> None:
    found = best_arm_probabilities(beta([2001, 3001], [98_001, 97_001]))
    assert found.tolist() == [0.0, 1.0]


def test_identical_arms_share_alike() -> None:
    for posterior in (beta([7] * 13, [90] * 13), normal([1] * 13, [2] * 13)):
        shares = best_arm_probabilities(posterior)
        assert np.unique(shares).size == 1
        assert shares[0] == pytest.approx(1 / 13, abs=1e-12)


@pytest.mark.parametrize("count", [1e12, 1e15])
def test_counts_of_overflow_size_stay_finite(count: float) -> None:
    shares = best_arm_probabilities(beta([count, count * (1 + 1e-3), 1.0], [count, count, 1.0]))
    assert np.all(np.isfinite(shares))
    assert shares.sum() == pytest.approx(1.0, abs=1e-9)


def test_what_is_no_list_of_arms_is_refused() -> None:
    for arms in (0, 10_001):
        with pytest.raises(ValueError, match="1 to 10,000 arms"):
            best_arm_probabilities(normal([0.0] * arms, [1.0] * arms))


def test_the_last_rank_is_the_best_of_the_mirror_image() -> None:
    location, scale = [0.3, -0.2, 0.1, 0.9], [1.0, 0.5, 2.0, 0.7]
    ranks = rank_probabilities(normal(location, scale), 4)
    mirrored = best_arm_probabilities(normal([-value for value in location], scale))
    assert ranks[3] == pytest.approx(mirrored, abs=1e-11)
    assert ranks[0] == pytest.approx(best_arm_probabilities(normal(location, scale)), abs=1e-11)


def test_every_arm_has_one_rank_and_every_rank_one_arm() -> None:
    ranks = rank_probabilities(beta([3, 9, 1, 50, 2], [90, 800, 1, 7000, 400]), 5)
    assert ranks.sum(axis=0) == pytest.approx(np.ones(5), abs=1e-10)
    assert ranks.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-10)


def test_ranks_by_hand() -> None:
    # θ₁ = 1 for sure, θ₂ uniform, θ₃ = 0 for sure.
    ranks = rank_probabilities(normal([1.0, 0.5, 0.0], [1e-3, 1e-3, 1e-3]), 3)
    assert ranks == pytest.approx(np.eye(3), abs=1e-12)


def test_more_ranks_than_arms_are_refused() -> None:
    with pytest.raises(ValueError, match="3 ranks among 2 arms"):
        rank_probabilities(beta([1, 1], [1, 1]), 3)


def test_expected_loss_by_hand() -> None:
    # E max of two uniforms is 2/3; two normals: (s/√π) for equal means.
    assert expected_loss(beta([1, 1], [1, 1])) == pytest.approx([1 / 6] * 2, abs=1e-12)
    found = expected_loss(normal([0.0, 0.0], [2.0, 2.0]))
    assert found == pytest.approx([2 / math.sqrt(math.pi)] * 2, abs=1e-11)


families = st.sampled_from(["beta", "normal", "student"])


@st.composite
def posteriors(draw: st.DrawFn) -> Posterior:
    arms = draw(st.integers(1, 8))

    def array(low: float, high: float) -> FloatArray:
        return np.array(draw(st.lists(st.floats(low, high), min_size=arms, max_size=arms)))

    family = draw(families)
    if family == "beta":
        return BetaPosterior(10 ** array(0, 7), 10 ** array(0, 7))
    if family == "normal":
        return NormalPosterior(array(-5, 5), 10 ** array(-3, 2))
    return StudentPosterior(array(-5, 5), 10 ** array(-2, 1), 2.1 + 10 ** array(0, 4))


@settings(max_examples=60, deadline=None)
@given(posteriors(), st.randoms(use_true_random=False))
def test_laws_for_any_posteriors(posterior: Posterior, random: object) -> None:
    shares = best_arm_probabilities(posterior)
    assert np.all((shares >= 0) & (shares <= 1))
    assert shares.sum() == pytest.approx(1.0, abs=1e-10)
    assert np.array_equal(shares, best_arm_probabilities(posterior))
    order = np.arange(shares.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert best_arm_probabilities(posterior[order]) == pytest.approx(shares[order], abs=1e-10)
    assert np.all(np.isfinite(expected_loss(posterior)))
