"""Sequences that are looked at again and again."""

from dataclasses import replace

import numpy as np
import pytest

from include.bandit.ope.confidence_sequence import asymptotic, betting
from include.errors import EvaluationError
from tests.bandit.ope.logs import ARMS, TARGET, TRUTH, draw

LOOKS = np.array([200, 500, 1_000, 2_000])
DATA = draw(np.random.default_rng(0), 2_000)


def test_it_holds_the_truth_at_all_looks_and_never_widens() -> None:
    missed = 0
    for seed in range(60):
        data = draw(np.random.default_rng(seed), 2_000)
        found = betting(data, TARGET, LOOKS, smallest_pscore=1 / ARMS)
        missed += not all(TRUTH in interval for interval in found)
        assert np.all(np.diff([interval.width for interval in found]) <= 0)
    # At 5 % more than 10 misses of 60 have a probability below 1e-4.
    assert missed <= 10


def test_the_sequence_of_a_longer_log_begins_with_that_of_the_shorter() -> None:
    assert betting(DATA, TARGET, LOOKS)[:2] == betting(DATA, TARGET, LOOKS[:2])


def test_a_known_smallest_propensity_tightens_the_upper_end() -> None:
    free, bounded = (
        betting(DATA, TARGET, LOOKS[-1:], smallest_pscore=p)[0] for p in (None, 1 / ARMS)
    )
    assert bounded.upper < free.upper
    assert bounded.lower == free.lower


def test_rewards_of_another_range_scale_the_interval() -> None:
    unit = betting(DATA, TARGET, LOOKS[-1:])[0]
    scaled = replace(DATA, reward=10.0 * DATA.reward)
    ten = betting(scaled, TARGET, LOOKS[-1:], reward_range=(0.0, 10.0))[0]
    assert (ten.lower, ten.upper) == pytest.approx((10 * unit.lower, 10 * unit.upper))


def test_no_reward_at_all_leaves_zero_inside() -> None:
    none = betting(replace(DATA, reward=np.zeros(DATA.n)), TARGET, LOOKS)
    assert all(interval.lower == 0.0 < interval.upper for interval in none)


def test_what_breaks_the_martingale_is_refused() -> None:
    with pytest.raises(EvaluationError, match="clustered"):
        betting(replace(DATA, cluster=np.arange(DATA.n)), TARGET, LOOKS)
    with pytest.raises(EvaluationError, match="looks must ascend"):
        betting(DATA, TARGET, np.array([500, 200]))
    with pytest.raises(EvaluationError, match="leaves its declared range"):
        betting(DATA, TARGET, LOOKS, reward_range=(0.0, 0.5))
    with pytest.raises(EvaluationError, match="below the declared smallest"):
        betting(DATA, TARGET, LOOKS, smallest_pscore=0.5)


def test_asymptotic_sequence_is_wider_than_one_look_and_tightest_near_its_tuning() -> None:
    at = [asymptotic(0.0, 1.0, n, 0.95, 1_000).width for n in (10, 1_000, 100_000)]
    assert at[1] == min(at)
    assert min(at) > 2 * 1.96
