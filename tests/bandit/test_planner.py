"""The planner: trades in the right direction, honest about what it cannot promise."""

from dataclasses import replace

import numpy as np
import pytest

from include.bandit.planner import PlanRequest, plan

SHOP = PlanRequest(arms=2, base_rate=0.05, uplift=0.02, floor=0.1, traffic=1000, batches=14)


def rng() -> np.random.Generator:
    return np.random.default_rng(81)


def test_a_floor_buys_power_with_regret() -> None:
    low = plan(replace(SHOP, floor=0.02), rng(), replications=200)
    high = plan(replace(SHOP, floor=0.3), rng(), replications=200)
    assert low.power < high.power
    assert low.regret < high.regret
    assert (low.interval_half_width or 0) > (high.interval_half_width or 0)


def test_an_equal_split_is_its_own_comparison() -> None:
    found = plan(replace(SHOP, floor=0.5), rng(), replications=300)
    assert found.power == pytest.approx(found.uniform_power, abs=0.12)
    assert found.regret == pytest.approx(14 * 500 * 0.02, rel=1e-2)
    assert found.median_batches is not None
    assert found.median_batches <= found.expected_batches + 3


def test_without_a_floor_arms_lose_their_support() -> None:
    found = plan(replace(SHOP, floor=0.0, uplift=0.05, traffic=20_000), rng(), replications=50)
    assert found.mass_without_support > 0.2
    assert found.interval_half_width is None


def test_equal_seeds_give_equal_plans() -> None:
    assert plan(SHOP, rng(), replications=20) == plan(SHOP, rng(), replications=20)


def test_no_verdict_is_said_as_none() -> None:
    found = plan(replace(SHOP, uplift=0.0001, batches=3), rng(), replications=50)
    assert found.median_batches is None
    assert found.expected_batches == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    "change",
    [
        {"arms": 1},
        {"base_rate": 0.0},
        {"uplift": 0.0},
        {"uplift": 0.96},
        {"floor": 0.6},
        {"floor": float("nan")},
        {"traffic": 0},
    ],
)
def test_plans_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        replace(SHOP, **change)  # type: ignore[arg-type]
