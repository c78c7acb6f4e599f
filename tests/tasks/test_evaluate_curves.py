"""What stands beside policy values: grades, regret and learning curves, against the truth."""

import numpy as np
import pytest

from include.settings import Settings
from tests.support.evaluated import RANDOM, RATES, evaluate_shop, feed_shop, rows_of
from tests.support.silver import BATCHES

pytestmark = pytest.mark.services


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    feed_shop(isolated)
    return isolated


def test_the_reverse_grade_stands_beside_the_random_logs_mean(shop: Settings) -> None:
    evaluate_shop(shop)
    grades = [r for r in rows_of(shop, "self_grade") if r["estimator"] == "ips"]
    assert grades
    mean = np.mean([row.reward for row in RANDOM])
    for row in grades:
        assert (row["log"], row["evaluation_policy"]) == ("bts", "uniform")
        assert row["on_policy_mean"] == pytest.approx(mean)
        assert row["error"] == pytest.approx(row["estimate"] - mean)
        assert row["covered"] == (row["lo"] <= mean <= row["hi"])


def test_the_regret_band_holds_the_truth(shop: Settings) -> None:
    evaluate_shop(shop)
    curve = [r for r in rows_of(shop, "regret") if (r["log"], r["policy"]) == ("random", "random")]
    curve.sort(key=lambda row: row["up_to_batch"])
    assert [row["up_to_batch"] for row in curve] == list(BATCHES)
    assert [row["decisions"] for row in curve] == [200, 400, 600]
    assert curve[-1]["best_arm"] == 2
    truth = 600 * (max(RATES) - sum(RATES) / 3)
    assert curve[-1]["cumulative_lo"] <= truth <= curve[-1]["cumulative_hi"]


def test_the_learning_curve_counts_rows_kept_and_clicks(shop: Settings) -> None:
    evaluate_shop(shop)
    curve = rows_of(shop, "learning_point")
    assert {row["policy"] for row in curve} == {"thompson", "uniform"}
    assert {row["log"] for row in curve} == {"random"}
    for policy in ("thompson", "uniform"):
        own = sorted(
            (row for row in curve if row["policy"] == policy), key=lambda row: row["rows_read"]
        )
        assert [row["rows_read"] for row in own] == [200, 400, 600]
        kept = [row["rows_kept"] for row in own]
        assert kept == sorted(kept)
        # A third of the rows is kept, whoever learns: 200 ± 5 standard deviations.
        assert abs(kept[-1] - 200) < 60
        assert all(row["clicks"] <= row["rows_kept"] for row in own)
