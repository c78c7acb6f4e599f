"""Generated logs agree with their truth."""

import numpy as np
import pytest

from include.bandit.synthetic import GRID_DRAWS, draw_rows, draw_truth

SECONDS = 3_600


def test_bts_like_propensities_are_exact_shares_on_the_grid() -> None:
    rng = np.random.default_rng(1)
    truth = draw_truth(rng, 5, "bts", seconds=SECONDS)
    assert truth.counts is not None
    assert (truth.counts.sum(axis=-1) == GRID_DRAWS).all()
    rows = draw_rows(rng, truth, 20_000, start_second=0, stop_second=SECONDS)
    period = rows.microseconds // (truth.period_seconds * 1_000_000)
    expected = truth.counts[period, rows.position, rows.item] / GRID_DRAWS
    np.testing.assert_array_equal(rows.propensity, expected)


@pytest.mark.parametrize("policy", ["random", "bts"])
def test_weights_to_uniform_average_to_1_and_give_its_true_value(policy: str) -> None:
    rng = np.random.default_rng(2)
    truth = draw_truth(rng, 5, policy, seconds=SECONDS, mean_rate=0.2)  # type: ignore[arg-type]
    rows = draw_rows(rng, truth, 200_000, start_second=0, stop_second=SECONDS)
    weight = 1 / (5 * rows.propensity)
    scores = weight * rows.click
    for values, expected in ((weight, 1.0), (scores, truth.uniform_value())):
        error = values.std() / np.sqrt(len(values)) + 1e-12
        assert abs(values.mean() - expected) < 5 * error


def test_rows_lie_in_their_stretch_in_order() -> None:
    rng = np.random.default_rng(3)
    truth = draw_truth(rng, 3, "random", seconds=SECONDS)
    rows = draw_rows(rng, truth, 1_000, start_second=10, stop_second=20)
    assert rows.microseconds.min() >= 10_000_000
    assert rows.microseconds.max() < 20_000_000
    assert (np.diff(rows.microseconds) >= 0).all()


def test_impossible_logs_are_refused() -> None:
    with pytest.raises(ValueError, match="mean_rate"):
        draw_truth(np.random.default_rng(0), 3, "random", seconds=1, mean_rate=1.5)
