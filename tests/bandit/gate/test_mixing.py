"""The mixture of incumbent and challenger: within every limit, and byte for byte the same again."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.allocation import allocate
from include.bandit.gate.mixing import mixed
from include.bandit.simulation.batched import bernoulli_statistics
from include.bandit.statistics import ArmStatistics
from include.contract.limits import within_shift
from include.contract.shadow import ShadowContent
from include.contract.weights import BUCKETS, WeightsContent
from include.experiments.schema import Experiment
from tests.support.declared import experiment

SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.77, 1.0])


def declared(**changes: Any) -> Experiment:
    given_: dict[str, Any] = {"gate": True, "challenger": {"name": "ucb1"}, "limits": {}}
    return experiment(**(given_ | changes))


def sums(clicks: list[int], views: int = 200) -> dict[str, ArmStatistics]:
    n = np.full((1, 1, len(clicks)), views)
    shares = np.full(n.shape, 1 / len(clicks))
    return {"*": bernoulli_statistics(n, np.array(clicks).reshape(n.shape), shares)}


def published(one: Experiment, buckets: tuple[int, ...]) -> WeightsContent:
    from include.contract.weights import contiguous_slot

    return WeightsContent(
        *(one.slug, "a" * 64, "b" * 64, None, None, "uniform/1", "salt", one.arms),
        {"*": (contiguous_slot(buckets),)},
    )


def test_without_a_share_the_incumbent_is_published_byte_for_byte() -> None:
    one, learned = declared(limits={"hold_below": 0.05}), sums([4, 5, 9])
    found = mixed(one, learned, None, 0.0)
    assert found.result == found.incumbent == allocate(one, learned)


def test_the_mixture_by_hand() -> None:
    fixed = {"name": "fixed", "params": {"shares": [0.6, 0.3, 0.1]}}
    other = {"name": "fixed", "params": {"shares": [0.1, 0.3, 0.6]}}
    found = mixed(declared(policy=fixed, challenger=other), sums([1, 1, 1]), None, 0.1)
    part = found.result.allocations[0]
    assert part.buckets == (5500, 3000, 1500)
    assert found.result.method == "fixed/1+fixed/1@0.1"
    assert part.steps[-1].limit == "ramp"
    assert "item-0 0.6000 → 0.5500" in part.steps[-1].explanation


def test_all_of_the_traffic_is_the_challenger() -> None:
    found = mixed(declared(), sums([4, 50, 9]), None, 1.0)
    assert [part.buckets for part in found.result.allocations] == [
        part.buckets for part in found.challenger.allocations
    ]


def test_while_it_ramps_the_hold_rule_does_not_creep_towards_the_challenger() -> None:
    """Held shares would be the live mixture, mixed again and again."""
    fixed = {"name": "fixed", "params": {"shares": [0.6, 0.3, 0.1]}}
    other = {"name": "fixed", "params": {"shares": [0.5, 0.3, 0.2]}}
    one = declared(policy=fixed, challenger=other, limits={"hold_below": 0.2})
    live = published(one, (6000, 3000, 1000))
    for _ in range(5):
        buckets = mixed(one, sums([1, 1, 1]), live, 0.5).result.allocations[0].buckets
        assert buckets == (5500, 3000, 1500)
        live = published(one, buckets)


limits = st.fixed_dictionaries(
    {},
    optional={
        "probability_floor": st.floats(0, 0.3).map(lambda x: round(x, 4)),
        "uniform_slice": st.floats(0, 0.5).map(lambda x: round(x, 4)),
        "largest_share": st.floats(0.4, 1).map(lambda x: round(x, 4)),
        "largest_shift": st.floats(0.001, 1).map(lambda x: round(x, 4)),
        "hold_below": st.floats(0, 0.1),
    },
)
live_buckets = st.lists(st.integers(1, 50), min_size=3, max_size=3).map(
    lambda parts: (
        first := parts[0] * BUCKETS // sum(parts),
        second := parts[1] * BUCKETS // sum(parts),
        BUCKETS - first - second,
    )
)


@given(limits, SHARES, st.lists(st.integers(0, 200), min_size=3, max_size=3), live_buckets)
def test_a_mixture_stays_within_every_limit(
    rules: dict[str, float], share: float, clicks: list[int], now: tuple[int, ...]
) -> None:
    one = declared(limits=rules)
    found = mixed(one, sums(clicks), published(one, now), share)
    buckets = found.result.allocations[0].buckets
    bounds, _ = within_shift(one.bucket_bounds(), now, one.limits.largest_shift)
    assert sum(buckets) == BUCKETS
    if not (share == 0 and found.result.held):
        pairs = zip(bounds.lower, buckets, bounds.upper, strict=True)
        assert all(low <= held <= high for low, held, high in pairs)
    ours, theirs = (side.allocations[0].buckets for side in (found.incumbent, found.challenger))
    for arm, held in enumerate(buckets):
        assert held == pytest.approx((1 - share) * ours[arm] + share * theirs[arm], abs=1.0)


@given(SHARES, st.lists(st.integers(0, 200), min_size=3, max_size=3))
def test_equal_inputs_give_equal_shadows(share: float, clicks: list[int]) -> None:
    one = declared()
    content = published(one, (3000, 3000, 4000))
    first, second = (mixed(one, sums(clicks), content, share).shadow(content, 3) for _ in range(2))
    assert first.canonical() == second.canonical()
    assert ShadowContent.from_json(first.as_json()) == first
    assert first.weights == content.hash()


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="not within"):
        mixed(declared(), sums([1, 1, 1]), None, share)


def test_without_a_challenger_there_is_nothing_to_mix() -> None:
    with pytest.raises(ValueError, match="no challenger"):
        mixed(declared(challenger=None), sums([1, 1, 1]), None, 0.1)
