"""From sums to buckets: by hand, burn-in, hold, nesting, cohorts, bad input, equal bytes."""

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.allocation import allocate, check
from include.bandit.policies import POLICIES
from include.bandit.statistics import ArmStatistics
from include.bandit.trail import AllocationResult
from include.contract.canonical import canonical_json
from include.contract.weights import BUCKETS, WeightsContent
from include.errors import ExperimentError, StatisticsError
from include.experiments.revision import version_zero
from tests.support.sums import arm_statistics, declare

CELLS = {
    "young": {"when": {"age": "young"}, "features": [-1.0]},
    "old": {"when": {"age": "old"}, "features": [1.0]},
}


def one_batch(n: list[int], rewards: list[int]) -> dict[str, ArmStatistics]:
    return {"*": arm_statistics([[n]], [[rewards]])}


def publish(previous: WeightsContent, result: AllocationResult) -> WeightsContent:
    return WeightsContent(
        experiment=previous.experiment,
        revision=previous.revision,
        parent=previous.hash(),
        batch="2026-01-01",
        statistics="s" * 64,
        method=result.method,
        salt="0" * 64,
        arms=result.arms,
        cells=result.cells,
    )


def test_two_against_three_per_cent_with_much_data_goes_to_the_better() -> None:
    wanted = declare(limits={"probability_floor": 0.01})
    found = allocate(wanted, one_batch([100_000] * 2, [2_000, 3_000])).allocations[0]
    assert found.buckets == (100, 9900)
    assert found.best_probability == (0.0, 1.0)


def test_the_trail_by_hand() -> None:
    wanted = declare(prior={"alpha": 1, "beta": 1}, limits={"probability_floor": 0.1})
    found = allocate(wanted, one_batch([1, 0], [1, 0])).allocations[0]
    assert (found.n, found.sum_r) == ((1.0, 0.0), (1.0, 0.0))
    assert found.parameters == {"alpha": (2.0, 1.0), "beta": (1.0, 1.0)}
    assert found.mean == pytest.approx((2 / 3, 1 / 2))
    assert found.best_probability == pytest.approx((2 / 3, 1 / 3), abs=1e-12)
    # 0.1 + 0.8 · 2/3 = 0.63333…
    assert found.buckets == (6333, 3667)
    assert found.ranges == ((0, 6333, 0), (6333, 10_000, 1))
    assert found.reason == "thompson/1 on 1 batches (worth 1)"


def test_epsilon_greedy_logs_the_marginal_share() -> None:
    wanted = declare(5, policy={"name": "epsilon_greedy", "params": {"epsilon": 0.1}})
    found = allocate(wanted, one_batch([100] * 5, [1, 2, 9, 3, 4]))
    assert found.allocations[0].buckets == (200, 200, 9200, 200, 200)


def test_every_position_is_allocated_by_its_own_sums() -> None:
    wanted = declare(positions=2)
    sums = {"*": arm_statistics([[[1000, 1000]] * 2], [[[10, 90], [90, 10]]])}
    first, second = allocate(wanted, sums).allocations
    assert first.buckets == second.buckets[::-1] == (0, 10_000)


def test_burn_in_holds_the_default_shares_until_every_arm_has_enough() -> None:
    wanted = declare(
        default_shares={"item-0": 0.7, "item-1": 0.3},
        limits={"burn_in_decisions": 100, "burn_in_rewards": 5},
    )
    early = allocate(wanted, one_batch([900, 99], [50, 9])).allocations[0]
    assert (early.buckets, early.held) == ((7000, 3000), True)
    assert early.reason == "burn-in, default shares: item-1 has 99 of 100 decisions"
    few = allocate(wanted, one_batch([900, 100], [50, 4])).allocations[0]
    assert few.reason == "burn-in, default shares: item-1 has 4 of 5 rewards"
    later = allocate(wanted, one_batch([900, 100], [50, 5])).allocations[0]
    assert not later.held
    assert later.buckets != (7000, 3000)


def test_small_moves_are_held() -> None:
    wanted = declare(limits={"hold_below": 0.05})
    live = version_zero(wanted)
    near = allocate(wanted, one_batch([100, 100], [50, 50]), live)
    assert near.held
    assert near.cells == live.cells
    assert near.explanation == "held: no arm would move by more than 0.05"
    assert not allocate(wanted, one_batch([100, 100], [40, 60]), live).held


def test_what_breaks_a_limit_is_not_held() -> None:
    before = version_zero(declare(default_shares={"item-0": 0.99, "item-1": 0.01}))
    wanted = declare(limits={"hold_below": 1.0, "probability_floor": 0.1})
    found = allocate(wanted, one_batch([10, 10], [5, 5]), before)
    assert not found.held
    assert min(found.allocations[0].buckets) >= 1000


def test_nested_moves_the_fewest_and_rerandomise_lays_out_anew() -> None:
    shares = {"item-0": 0.2, "item-1": 0.3, "item-2": 0.5}
    for mode, expected in (
        ("nested", ((0, 2000, 0), (2000, 4000, 1), (4000, 5000, 0), (5000, 10_000, 2))),
        ("rerandomise", ((0, 3000, 0), (3000, 5000, 1), (5000, 10_000, 2))),
    ):
        wanted = declare(
            3,
            default_shares=shares,
            assignment=mode,
            policy={"name": "fixed", "params": {"shares": [0.3, 0.2, 0.5]}},
        )
        found = allocate(wanted, one_batch([1] * 3, [0] * 3), version_zero(wanted))
        assert found.cells["*"][0] == expected


def test_a_new_arm_enters_at_its_floor_and_an_old_one_leaves() -> None:
    before = version_zero(declare(3))
    limits = {"probability_floor": 0.02, "largest_shift": 0.01}
    changed = declare(3, arms=["item-0", "item-2", "item-9"], limits=limits, assignment="nested")
    found = allocate(changed, one_batch([0] * 3, [0] * 3), before).allocations[0]
    assert found.live == (3334, 3333, None)
    assert sum(found.buckets) == BUCKETS
    assert found.buckets[2] >= 200


def test_a_cohort_with_little_data_leans_on_the_pool_and_one_with_much_does_not() -> None:
    wanted = declare(cells=CELLS, prior={"cohort_strength": 100})
    none, much = [[[0, 0]]], [[[50_000, 50_000]]]
    sums = {
        "*": arm_statistics(none, none),
        "old": arm_statistics(much, [[[1000, 1500]]]),
        "young": arm_statistics([[[10, 10]]], [[[1, 0]]]),
    }
    pool, young, old = allocate(wanted, sums).allocations
    assert [part.cell for part in (pool, young, old)] == ["*", "young", "old"]
    assert pool.n == (50_010.0, 50_010.0)
    # Its own 10 and 100 borrowed ones at 2 % and 3 %.
    assert young.n == (110.0, 110.0)
    assert young.sum_r == pytest.approx((1 + 2, 0 + 3))
    assert old.n == (50_010.0, 50_010.0)


def test_cohorts_that_borrow_nothing_stand_alone() -> None:
    wanted = declare(cells=CELLS, prior={"cohort_strength": 0})
    sums = {"old": arm_statistics([[[500, 500]]], [[[10, 15]]])}
    found = {part.cell: part.n for part in allocate(wanted, sums).allocations}
    assert found == {"*": (500.0, 500.0), "young": (0.0, 0.0), "old": (500.0, 500.0)}


def test_no_batch_yet_gives_what_the_prior_says() -> None:
    empty = {"*": ArmStatistics.zeros((0, 1, 4))}
    assert allocate(declare(4), empty).allocations[0].buckets == (2500,) * 4
    assert allocate(declare(4), {}).allocations[0].buckets == (2500,) * 4


@pytest.mark.parametrize("name", sorted(POLICIES))
@pytest.mark.parametrize("kind", ["bernoulli", "bounded", "real"])
def test_no_policy_ever_gives_a_nan(name: str, kind: str) -> None:
    wanted = declare(3, positions=2, cells=CELLS, policy={"name": name}, reward={"kind": kind})
    sums = {
        "nothing": np.zeros((2, 2, 3)),
        "one arm": np.array([[[5, 0, 0]] * 2] * 2),
        "no reward": np.full((2, 2, 3), 100),
        "much": np.full((2, 2, 3), 10**14),
    }
    if kind == "real" and name in {"ucb1", "kl_ucb", "position_based"}:
        with pytest.raises(ExperimentError, match=name):
            allocate(wanted, {"old": arm_statistics(sums["no reward"], sums["no reward"] * 0)})
        return
    for counts in sums.values():
        for rewards in (counts * 0, counts):
            found = allocate(wanted, {"old": arm_statistics(counts, rewards)})
            assert all(sum(part.buckets) == BUCKETS for part in found.allocations)
            canonical_json(found.as_json())


def test_sums_that_contradict_the_declaration_are_refused() -> None:
    with pytest.raises(StatisticsError, match="impossible for bernoulli"):
        allocate(declare(), one_batch([10, 10], [11, 0]))
    with pytest.raises(StatisticsError, match="1e\\+15"):
        allocate(declare(), one_batch([2**62, 10], [0, 0]))
    with pytest.raises(StatisticsError, match="shape"):
        allocate(declare(3), one_batch([10, 10], [1, 0]))
    with pytest.raises(StatisticsError, match="nowhere"):
        allocate(declare(), {"nowhere": arm_statistics([[[1, 1]]], [[[0, 0]]])})


def test_negative_counts_and_nan_never_get_as_far() -> None:
    good = arm_statistics([[[1.0, 1.0]]], [[[0.0, 0.0]]])
    sums = [getattr(good, field.name) for field in fields(ArmStatistics)]
    with pytest.raises(ValueError, match="negative"):
        ArmStatistics(-sums[0], *sums[1:])
    with pytest.raises(ValueError, match="NaN"):
        ArmStatistics(sums[0], sums[1] * np.nan, *sums[2:])


def test_an_unknown_policy_or_parameter_is_named() -> None:
    with pytest.raises(ExperimentError, match=r"no policy 'thomson'.*thompson"):
        allocate(declare(policy={"name": "thomson"}), {})
    with pytest.raises(ExperimentError, match=r"epsilon_greedy.*eps"):
        allocate(declare(policy={"name": "EPSILON_GREEDY", "params": {"eps": 0.1}}), {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy": {"name": "oracle"}},
        {"policy": {"name": "lin_ucb"}},
        {"policy": {"name": "fixed", "params": {"shares": [1.0]}}},
        {"policy": {"name": "position_based"}, "positions": 3},
        {"prior": {"kind": "informative", "arms": {"item-0": (-1, 3)}}},
        {"reward": {"kind": "bounded", "lower": 1, "upper": 5}},
    ],
)
def test_what_could_never_be_allocated_is_refused_when_declared(wrong: dict[str, object]) -> None:
    with pytest.raises(ExperimentError, match="'shop'"):
        check(declare(2, **wrong))
    check(declare(2))


def test_the_trail_survives_json() -> None:
    found = allocate(declare(), one_batch([100, 200], [3, 9]), version_zero(declare()))
    document = json.loads(canonical_json(found.as_json()))
    assert document["allocations"][0]["buckets"] == list(found.allocations[0].buckets)


counts = st.lists(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1)), min_size=4, max_size=4),
    min_size=1,
    max_size=4,
)
names = st.sampled_from(["thompson", "top_two_thompson", "ucb1", "kl_ucb", "epsilon_greedy"])


@settings(max_examples=40, deadline=None)
@given(counts, names, st.permutations(range(4)))
def test_laws_for_any_sums(
    batches: list[list[tuple[int, float]]], name: str, order: list[int]
) -> None:
    n = np.array([[[views for views, _ in batch]] for batch in batches])
    rewards = np.array([[[round(views * rate) for views, rate in batch]] for batch in batches])
    wanted = declare(4, policy={"name": name}, limits={"probability_floor": 0.01})
    live = version_zero(wanted)
    found = allocate(wanted, {"*": arm_statistics(n, rewards)}, live)
    assert canonical_json(found.as_json()) == canonical_json(
        allocate(wanted, {"*": arm_statistics(n, rewards)}, live).as_json()
    )
    assert publish(live, found).buckets() == found.allocations[0].buckets
    # Turning the arms around turns the proposal around; only ties look at the index.
    turned = allocate(wanted, {"*": arm_statistics(n[..., order], rewards[..., order])}, live)
    before = np.array(found.allocations[0].proposed)[order]
    if name in {"thompson", "top_two_thompson"}:
        assert turned.allocations[0].proposed == pytest.approx(before, abs=1e-6)
    else:
        assert sorted(turned.allocations[0].proposed) == pytest.approx(sorted(before))
