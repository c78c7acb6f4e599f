"""The confidence sequence: by hand, laws, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.inference.scores import scores
from include.bandit.inference.sequence import confidence_sequence
from include.bandit.simulation.batched import bernoulli_statistics
from include.bandit.statistics import ArmStatistics, FloatArray

PAIR = ((1, 0),)


def sums(rows: list[tuple[list[float], list[int], list[float]]], arms: int = 2) -> ArmStatistics:
    """Sums per batch of explicit rows: (rewards, arms, propensities) of each batch."""
    found = np.zeros((8, len(rows), arms))
    for batch, (rewards, chosen, propensities) in enumerate(rows):
        for r, arm, p in zip(rewards, chosen, propensities, strict=True):
            found[:, batch, arm] += [1, r, r * r, 1 / p, 1 / p**2, r / p, r / p**2, (r / p) ** 2]
    return ArmStatistics(found[0].astype(np.int64), *found[1:])


def counts(n: list[list[int]], won: list[list[int]], shares: list[list[float]]) -> ArmStatistics:
    return bernoulli_statistics(np.array(n), np.array(won), np.array(shares))


def test_scores_from_sums_equal_scores_row_by_row() -> None:
    """Σ d and Σ d² of explicit units, computed one by one."""
    rng = np.random.default_rng(3)
    rows = []
    for share in (0.5, 0.2):
        chosen = (rng.random(40) < share).astype(int)
        p = np.where(chosen == 1, share, 1 - share)
        rows.append((rng.normal(3, 1, 40).tolist(), chosen.tolist(), p.tolist()))
    statistics = sums(rows)
    shares = np.array([[0.5, 0.5], [0.8, 0.2]])
    found = scores(statistics, shares)
    for batch, (rewards, chosen, p) in enumerate(rows):
        m = found.mean[batch]
        d = [
            m[1] - m[0] + (1 if arm == 1 else -1) * (r - m[arm]) / q
            for r, arm, q in zip(rewards, chosen, p, strict=True)
        ]
        total = found.total[batch, 0] * (m[1] - m[0])
        total += found.residual[batch, 1] - found.residual[batch, 0]
        assert total == pytest.approx(sum(d), rel=1e-12)
        centred = found.residual2[batch].sum() - (
            found.residual[batch, 1] - found.residual[batch, 0]
        ) ** 2 / len(d)
        assert centred == pytest.approx(np.var(d) * len(d), rel=1e-9)


def test_means_are_predictable() -> None:
    """A batch's own rewards never enter its own means, except before anything was known."""
    n, shares = [[50, 50], [50, 50], [50, 50]], [[0.5, 0.5]] * 3
    one = scores(counts(n, [[5, 5], [4, 6], [1, 9]], shares), np.array(shares))
    other = scores(counts(n, [[5, 5], [4, 6], [40, 2]], shares), np.array(shares))
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.variance, other.variance)
    assert one.mean[0, 0] == one.mean[0, 1]


def test_an_equal_split_estimates_the_difference_of_means() -> None:
    """One batch, half and half: D = (Σr₁/p − Σr₀/p)/N after centring by the common mean."""
    statistics = counts([[100, 100]], [[10, 16]], [[0.5, 0.5]])
    found = confidence_sequence(statistics, PAIR, alpha=0.05, shares=np.array([[0.5, 0.5]]))
    assert found.estimate[0, 0] == pytest.approx(0.06)


def test_weights_are_inverse_variances() -> None:
    """Two batches of equal levels at shares ½ and 1/10: weights 1/(v/p + v/(1 − p))."""
    n, won = [[5000, 5000], [9000, 1000]], [[500, 500], [900, 200]]
    shares = np.array([[0.5, 0.5], [0.9, 0.1]])
    statistics = counts(n, won, shares.tolist())
    weighted = confidence_sequence(statistics, PAIR, alpha=0.05, shares=shares)
    equal = confidence_sequence(statistics, PAIR, alpha=0.05, shares=shares, weights="equal")
    weight = 1 / (1 / 0.5 + 1 / 0.5), 1 / (1 / 0.9 + 1 / 0.1)
    by_hand = weight[1] * 0.1 / sum(weight)
    assert weighted.estimate[1, 0] == pytest.approx(by_hand, rel=0.01)
    assert equal.estimate[1, 0] == pytest.approx(0.05, rel=0.01)


def test_a_batch_without_one_of_the_arms_adds_nothing() -> None:
    n, won = [[100, 100], [200, 0], [100, 100]], [[10, 16], [90, 0], [10, 16]]
    shares = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    found = confidence_sequence(counts(n, won, shares.tolist()), PAIR, alpha=0.05, shares=shares)
    assert found.estimate[1, 0] == found.estimate[0, 0]
    assert np.isfinite(found.estimate).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 400), st.floats(0.02, 0.98)),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 2**31),
)
def test_never_nan_and_swapping_arms_swaps_the_sign(
    batches: list[tuple[int, int, float]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n = np.array([[a, b] for a, b, _ in batches])
    shares: FloatArray = np.array([[1 - p, p] for *_, p in batches])
    statistics = bernoulli_statistics(n, rng.binomial(n, 0.1), shares)
    both = confidence_sequence(statistics, ((1, 0), (0, 1)), alpha=0.05, shares=shares)
    for part in (both.estimate, both.radius, both.p_value, both.standard_error, both.lower):
        assert not np.isnan(part).any()
    assert np.allclose(both.estimate[:, 0], -both.estimate[:, 1])
    assert np.array_equal(both.p_value[:, 0], both.p_value[:, 1])


def test_adding_a_constant_to_real_rewards_changes_nothing_but_noise_of_the_first_batch() -> None:
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(4):
        chosen = rng.integers(2, size=200)
        rows.append((rng.normal(0, 1, 200), chosen.tolist(), [0.5] * 200))
    shares = np.full((4, 2), 0.5)
    plain = confidence_sequence(
        sums([(list(r), c, p) for r, c, p in rows]), PAIR, alpha=0.05, shares=shares
    )
    moved = confidence_sequence(
        sums([(list(r + 100.0), c, p) for r, c, p in rows]), PAIR, alpha=0.05, shares=shares
    )
    assert np.allclose(plain.estimate, moved.estimate, atol=1e-9)
    assert np.allclose(plain.radius[1:], moved.radius[1:], rtol=1e-6)


def test_row_wise_propensities_give_nearly_the_same_answer() -> None:
    shares = np.array([[0.5, 0.5]] * 6)
    n, won = np.full((6, 2), 1000), np.array([[50, 60]] * 6)
    statistics = bernoulli_statistics(n, won, shares)
    known = confidence_sequence(statistics, PAIR, alpha=0.05, shares=shares)
    unknown = confidence_sequence(statistics, PAIR, alpha=0.05)
    assert np.allclose(known.estimate, unknown.estimate)
    assert np.allclose(known.radius[2:], unknown.radius[2:], rtol=0.05)


def test_overflow_sized_counts_stay_finite() -> None:
    n = np.full((3, 2), 2**52)
    shares = np.full((3, 2), 0.5)
    found = confidence_sequence(
        bernoulli_statistics(n, n // 20, shares), PAIR, alpha=0.05, shares=shares
    )
    assert np.isfinite(found.radius[-1]).all()
    assert found.estimate[-1, 0] == pytest.approx(0.0, abs=1e-9)


BAD = {
    "one arm": (np.ones((2, 1), np.int64), np.zeros((2, 1)), np.ones((2, 1)), "arms"),
    "share of nought with observations": (
        np.ones((1, 2), np.int64),
        np.zeros((1, 2)),
        np.array([[1.0, 0.0]]),
        "no share",
    ),
    "negative share": (
        np.zeros((1, 2), np.int64),
        np.zeros((1, 2)),
        np.array([[1.5, -0.5]]),
        "share",
    ),
    "NaN share": (
        np.zeros((1, 2), np.int64),
        np.zeros((1, 2)),
        np.array([[np.nan, 0.5]]),
        "share",
    ),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_bad_input_is_an_error(case: str) -> None:
    n, won, shares, words = BAD[case]
    inverse = np.asarray(2.0 * n)
    statistics = ArmStatistics(n, won, won, inverse, 2.0 * inverse, won, won, won)
    with pytest.raises(ValueError, match=words):
        confidence_sequence(statistics, ((1, 0),), alpha=0.05, shares=shares) if n.shape[
            1
        ] > 1 else scores(statistics, shares)


def test_propensities_above_one_are_refused() -> None:
    n, ten = np.full((1, 2), 10), np.full((1, 2), 10.0)
    zero = np.zeros((1, 2))
    statistics = ArmStatistics(n, zero, zero, ten * 0.5, ten * 0.25, zero, zero, zero)
    with pytest.raises(ValueError, match="propensity"):
        scores(statistics)


def test_sums_that_hold_nan_or_negative_counts_are_refused() -> None:
    good = ArmStatistics.zeros((1, 2))
    with pytest.raises(ValueError, match="NaN"):
        ArmStatistics(good.n, good.sum_r + np.nan, *(good.sum_r,) * 6)
    with pytest.raises(ValueError, match="negative"):
        ArmStatistics(good.n - 1, *(good.sum_r,) * 7)


@pytest.mark.parametrize("pairs", [(), ((0, 0),), ((0, 2),), ((-1, 0),)])
def test_pairs_must_name_two_arms(pairs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="pairs"):
        confidence_sequence(ArmStatistics.zeros((3, 2)), pairs, alpha=0.05)
