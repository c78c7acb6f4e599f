"""Whom the player plays: rates that drift where they are said to, users that a seed names."""

from datetime import UTC, datetime
from statistics import mean

import pytest

from traffic.play import Shown
from traffic.report import regrets
from traffic.truth import (
    ARMS,
    DESKTOP,
    DRIFT_FROM,
    MEAN_DELAY_SECONDS,
    MOBILE,
    MOBILE_SHARE,
    best_rate,
    true_rate,
    uniform_rate,
    user,
)


def best_arm(cohort: str, progress: float) -> str:
    return max(ARMS, key=lambda arm: true_rate(arm, cohort, progress))


def test_rates_stand_until_they_drift_and_the_best_arm_changes_on_the_desktop_alone() -> None:
    assert all(true_rate(arm, DESKTOP, 0.0) == true_rate(arm, DESKTOP, DRIFT_FROM) for arm in ARMS)
    assert (best_arm(DESKTOP, 0.0), best_arm(DESKTOP, 1.0)) == ("green", "blue")
    assert (best_arm(MOBILE, 0.0), best_arm(MOBILE, 1.0)) == ("red", "red")
    middle = (true_rate("green", DESKTOP, 0.0) + true_rate("green", DESKTOP, 1.0)) / 2
    assert true_rate("green", DESKTOP, (1 + DRIFT_FROM) / 2) == pytest.approx(middle)


def test_uniform_shares_never_beat_the_best_arm() -> None:
    for cohort in (DESKTOP, MOBILE):
        for step in range(11):
            progress = step / 10
            rates = [true_rate(arm, cohort, progress) for arm in ARMS]
            assert uniform_rate(cohort, progress) == pytest.approx(mean(rates))
            assert uniform_rate(cohort, progress) < best_rate(cohort, progress)


def test_a_seed_names_users_with_their_cohort_delay_and_luck() -> None:
    users = [user(7, number) for number in range(4_000)]
    assert users == [user(7, number) for number in range(4_000)]
    assert users[0] != user(8, 0)
    assert len({each.unit for each in users}) == len(users)
    assert mean(each.cohort == MOBILE for each in users) == pytest.approx(MOBILE_SHARE, abs=0.03)
    assert mean(each.delay for each in users) == pytest.approx(MEAN_DELAY_SECONDS, rel=0.1)
    assert mean(each.luck for each in users) == pytest.approx(0.5, abs=0.03)


def test_regret_is_told_per_hundred_decisions_of_a_batch() -> None:
    noon = datetime(2026, 1, 10, 12, tzinfo=UTC)
    shown = [
        Shown(noon, "blue", 0, 0.1, 0.05),
        Shown(noon.replace(second=19), "green", 0, 0.0, 0.05),
        Shown(noon.replace(second=20), "green", 1, 0.0, 0.05),
    ]
    found = regrets(shown)
    assert list(found) == ["2026-01-10T12:00:00Z", "2026-01-10T12:00:20Z"]
    assert found["2026-01-10T12:00:00Z"] == pytest.approx((2, 5.0, 5.0))
    assert found["2026-01-10T12:00:20Z"] == pytest.approx((1, 0.0, 5.0))
