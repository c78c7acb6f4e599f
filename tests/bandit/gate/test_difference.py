"""The difference in value by hand, its laws, and that it keeps its promise at every look."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.gate.difference import Rows, changed, effective_rewards, value_difference
from include.bandit.simulation.batched import bernoulli_statistics
from include.bandit.statistics import ArmStatistics

BOUNDS = (0.0, 1.0)


def rows(
    n: list[list[int]],
    won: list[list[int]],
    logged: list[list[float]],
    incumbent: list[list[float]],
    challenger: list[list[float]],
    look: list[int] | None = None,
) -> Rows:
    """Rows of 0/1 rewards, a stratum per line."""
    shares = np.array(logged)
    return Rows(
        statistics=bernoulli_statistics(np.array(n), np.array(won), shares),
        logged=shares,
        incumbent=np.array(incumbent),
        challenger=np.array(challenger),
        look=np.arange(len(n)) if look is None else np.array(look),
    )


def half(batches: int = 3, won: tuple[int, int] = (50, 60)) -> Rows:
    """Two arms drawn evenly, a challenger that moves 30 points to the second."""
    many = [[0.5, 0.5]] * batches
    return rows([[500, 500]] * batches, [list(won)] * batches, many, many, [[0.2, 0.8]] * batches)


def test_the_estimate_by_hand() -> None:
    """Means .10 and .12 at equal shares: (0.8 − 0.5) · .12 + (0.2 − 0.5) · .10 = .006."""
    found = value_difference(half(), alpha=0.05, bounds=BOUNDS)
    assert found.estimate == pytest.approx([0.006] * 3, abs=1e-12)


def test_the_sequence_starts_behind_two_batches_of_information_and_narrows() -> None:
    found = value_difference(half(6), alpha=0.05, bounds=BOUNDS)
    assert np.isinf(found.lower[0])
    widths = (found.upper - found.lower)[2:]
    assert np.all(np.isfinite(widths))
    assert np.all(np.diff(widths) < 0)


def test_a_policy_against_itself_differs_by_nothing_for_certain() -> None:
    same = half()
    found = value_difference(replace(same, challenger=same.incumbent), alpha=0.05, bounds=BOUNDS)
    assert found.lower.tolist() == found.estimate.tolist() == found.upper.tolist() == [0.0] * 3
    assert effective_rewards(replace(same, challenger=same.incumbent), BOUNDS) == np.inf


def test_batches_in_which_both_agree_say_nothing_and_hide_nothing() -> None:
    """An average over all rows would halve the harm, and one by inverse variance lose it."""
    even, far = [0.5, 0.5], [0.01, 0.99]
    found = value_difference(
        rows([[500, 500]] * 4, [[100, 10]] * 4, [even] * 4, [even] * 4, [even, far, even, far]),
        alpha=0.05,
        bounds=BOUNDS,
    )
    assert found.estimate[-1] == pytest.approx(0.49 * (0.02 - 0.2))


def test_changed_counts_what_would_have_been_decided_otherwise() -> None:
    """30 points of 1,000 rows a batch."""
    assert changed(half()).tolist() == pytest.approx([300.0, 600.0, 900.0])
    assert changed(replace(half(), challenger=half().incumbent)).tolist() == [0.0] * 3


def test_cells_are_strata_whose_sums_add_up() -> None:
    """Two cells of one batch: 1,000 rows at +.006 and 3,000 at −.006 average to −.003."""
    even = [0.5, 0.5]
    found = value_difference(
        rows(
            [[500, 500], [1500, 1500]],
            [[50, 60], [150, 180]],
            [even, even],
            [even, even],
            [[0.2, 0.8], [0.8, 0.2]],
            look=[0, 0],
        ),
        alpha=0.05,
        bounds=BOUNDS,
    )
    assert found.estimate == pytest.approx([-0.003], abs=1e-5)


def test_rows_that_a_mixture_drew_speak_of_both_sides() -> None:
    """On the ramp neither side drew the rows; weights by the logged shares repair that."""
    drawn = [0.35, 0.65]
    found = value_difference(
        rows([[350, 650]] * 3, [[35, 78]] * 3, [drawn] * 3, [[0.5, 0.5]] * 3, [[0.2, 0.8]] * 3),
        alpha=0.05,
        bounds=BOUNDS,
    )
    assert found.estimate == pytest.approx([0.006] * 3, abs=1e-12)


def test_an_arm_that_was_never_drawn_counts_as_the_worst_and_the_best() -> None:
    """The challenger gives 10 points to an arm without a share: between 0 and .1 more."""
    drawn = [0.5, 0.5, 0.0]
    one = rows(
        [[500, 500, 0]] * 3, [[50, 50, 0]] * 3, [drawn] * 3, [drawn] * 3, [[0.45, 0.45, 0.1]] * 3
    )
    same = replace(one, challenger=np.array([[0.45, 0.45, 0.0]] * 3))
    with_arm = value_difference(one, alpha=0.05, bounds=BOUNDS)
    without = value_difference(same, alpha=0.05, bounds=BOUNDS)
    assert with_arm.lower == pytest.approx(without.lower)
    assert with_arm.upper[1:] == pytest.approx(without.upper[1:] + 0.1)
    unbounded = value_difference(one, alpha=0.05, bounds=None)
    assert np.all(np.isneginf(unbounded.lower))
    assert np.all(np.isposinf(unbounded.upper))


def test_effective_rewards_by_hand() -> None:
    """Equal weights: as many as there are rewards, or misses where those are fewer."""
    assert effective_rewards(half(1, (5, 7)), BOUNDS) == pytest.approx(12.0)
    assert effective_rewards(half(1, (495, 493)), BOUNDS) == pytest.approx(12.0)
    assert effective_rewards(half(1, (5, 7)), None) == pytest.approx(1000.0)


def test_shares_that_did_not_draw_the_rows_are_refused() -> None:
    wrong = replace(half(), logged=np.array([[1.0, 0.0]] * 3))
    with pytest.raises(ValueError, match="no share"):
        value_difference(wrong, alpha=0.05, bounds=BOUNDS)


simplex = st.lists(st.integers(1, 20), min_size=3, max_size=3).map(
    lambda parts: [part / sum(parts) for part in parts]
)
counts = st.lists(st.integers(20, 400), min_size=3, max_size=3)


@st.composite
def logs(draw: st.DrawFn) -> Rows:
    """Two to five batches of three arms under changing shares of all three sides."""
    batches = draw(st.integers(2, 5))
    n = [draw(counts) for _ in range(batches)]
    won = [[draw(st.integers(1, most)) for most in line] for line in n]
    logged, incumbent, challenger = ([draw(simplex) for _ in range(batches)] for _ in range(3))
    return rows(n, won, logged, incumbent, challenger)


@given(logs())
def test_swapping_the_sides_mirrors_the_sequence(log: Rows) -> None:
    one = value_difference(log, alpha=0.05, bounds=BOUNDS)
    swapped = replace(log, incumbent=log.challenger, challenger=log.incumbent)
    other = value_difference(swapped, alpha=0.05, bounds=BOUNDS)
    np.testing.assert_allclose(one.lower, -other.upper, atol=1e-9)
    np.testing.assert_allclose(one.estimate, -other.estimate, atol=1e-9)


@given(logs())
def test_a_stratum_cut_in_two_says_nearly_the_same_of_every_batch(log: Rows) -> None:
    """Means are predicted by stratum, so that only the order within the batch may matter."""
    statistics = ArmStatistics(
        *(np.repeat(getattr(log.statistics, f.name), 2, axis=0) for f in fields(ArmStatistics))
    )
    sides = {
        name: np.repeat(getattr(log, name), 2, axis=0)
        for name in ("logged", "incumbent", "challenger")
    }
    twice = Rows(statistics=statistics, look=np.repeat(log.look, 2), **sides)
    found = value_difference(twice, alpha=0.05, bounds=BOUNDS)
    assert found.lower.shape == (len(log.look),)
    assert np.all(found.lower <= found.estimate + 1e-12)
    assert np.all(found.estimate <= found.upper + 1e-12)


@given(logs(), st.floats(0.01, 0.2))
def test_a_smaller_error_gives_wider_ends(log: Rows, alpha: float) -> None:
    wide = value_difference(log, alpha=alpha / 2, bounds=BOUNDS)
    narrow = value_difference(log, alpha=alpha, bounds=BOUNDS)
    assert np.all(wide.lower <= narrow.lower + 1e-12)
    assert np.all(wide.upper >= narrow.upper - 1e-12)


def test_simulated_worse_challengers_do_not_pass_and_equal_ones_do() -> None:
    """28 looks, 400 runs: the promise at its edge, and power where it should be had."""
    from studies.gate import judged

    worse = judged("thompson", "worst", gap=0.03, margin=0.004, runs=400, seed=5)
    assert worse.wrong.mean() <= 0.05
    equal = judged("uniform", "thompson", gap=0.0, margin=0.004, runs=100, seed=6)
    assert equal.passed.mean() >= 0.8
