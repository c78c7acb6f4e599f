"""Laws that every estimator keeps, each named as a sentence."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.feedback import Feedback, RowPolicy
from include.bandit.ope import NAMES, Estimate, Options, evaluate
from include.bandit.reward_model import RewardModel, cross_fit
from include.bandit.statistics import FloatArray
from tests.bandit.ope.logs import ARMS, POSITIONS, RATES, TARGET, draw

GROUPS = np.array([0, 0, 1, 1, 2])
LINEAR = ("ips", "snips", "dm", "dr", "sndr", "mips")
WEIGHTED = tuple(name for name in NAMES if name != "dm")


def estimates(
    data: Feedback, policy: FloatArray, model: RewardModel | None = None
) -> dict[str, Estimate]:
    found = evaluate(data, policy, None, model, Options(groups=GROUPS))
    assert {e.estimator for e in found} >= set(NAMES) - {"replay"}
    return {e.estimator: e for e in found}


@st.composite
def logs(draw_from: st.DrawFn) -> Feedback:
    """Draw logs of any propensities and any rewards, every arm shown in every position."""
    seed = draw_from(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = draw_from(st.integers(20, 200))
    arm, position = np.arange(n) % ARMS, np.arange(n) // ARMS % POSITIONS
    reward = rng.normal(size=n) * draw_from(st.sampled_from([1e-3, 1.0, 1e3]))
    pscore = rng.uniform(draw_from(st.sampled_from([1e-6, 0.05])), 1.0, n)
    return Feedback.of(arm, reward, pscore, arms=ARMS, position=position, positions=POSITIONS)


@given(logs())
@settings(max_examples=50, deadline=None)
def test_sums_and_rows_give_the_same_value_and_variance(data: Feedback) -> None:
    model = cross_fit(data, folds=3)
    options = Options(groups=GROUPS)
    rows = {e.estimator: e for e in evaluate(data, TARGET, LINEAR, model, options)}
    sums = evaluate(data.sums(model.fold), TARGET, LINEAR, model, options)
    assert len(sums) == len(LINEAR)
    for estimate in sums:
        same = rows[estimate.estimator]
        scale = np.sqrt(same.variance) + abs(same.value)
        assert estimate.value == pytest.approx(same.value, rel=1e-12, abs=1e-12 * scale)
        assert estimate.variance == pytest.approx(same.variance, rel=1e-9, abs=1e-12 * scale**2)
        assert estimate.diagnostics.largest_weight >= same.diagnostics.largest_weight * (1 - 1e-9)


@given(logs())
@settings(max_examples=25, deadline=None)
def test_a_policy_per_row_equal_to_the_table_changes_nothing(data: Feedback) -> None:
    model = cross_fit(data, folds=3)
    names = [name for name in NAMES if name not in ("replay", "mips")]
    per_row = RowPolicy(TARGET[data.position])
    for left, right in zip(
        evaluate(data, TARGET, names, model),
        evaluate(data, per_row, names, model),
        strict=True,
    ):
        scale = np.sqrt(left.variance) + abs(left.value)
        assert right.value == pytest.approx(left.value, rel=1e-9, abs=1e-12 * scale)
        assert right.variance == pytest.approx(left.variance, rel=1e-9, abs=1e-12 * scale**2)


def test_evaluating_the_behavior_policy_gives_the_on_policy_mean() -> None:
    behavior = TARGET[::-1].copy()
    data = draw(np.random.default_rng(1), 4000, behavior)
    found = estimates(data, behavior)
    mean, spread = data.reward.mean(), data.reward.var(ddof=1) / data.n
    # Weights are all 1: IPS, SNIPS and their shrunk forms are the mean itself.
    for name in ("ips", "snips", "clipped-ips", "sg-ips", "mips"):
        assert found[name].value == pytest.approx(mean, rel=1e-12), name
    for name in ("ips", "clipped-ips", "sg-ips"):
        assert found[name].variance == pytest.approx(spread, rel=1e-12), name
    # Models bring noise of a smaller order.
    for name in ("dm", "dr", "sndr", "switch-dr", "sg-dr"):
        assert found[name].value == pytest.approx(mean, abs=0.5 * np.sqrt(spread)), name


def test_a_perfect_model_leaves_dr_without_noise_from_rewards() -> None:
    data = draw(np.random.default_rng(2), 2000)
    data = replace(data, reward=RATES[data.position, data.arm])
    found = estimates(data, TARGET, RewardModel.given(RATES))
    share = np.bincount(data.position) / data.n
    truth = float(share @ (TARGET * RATES).sum(axis=1))
    for name in ("dm", "dr", "sndr", "switch-dr", "dr-os", "sg-dr"):
        assert found[name].value == pytest.approx(truth, rel=1e-12), name
    assert found["dr"].variance < 0.1 * found["ips"].variance


def test_dr_is_right_even_when_its_model_is_wrong() -> None:
    data = draw(np.random.default_rng(3), 200_000)
    found = estimates(data, TARGET, RewardModel.given(1.0 - RATES))
    assert abs(found["dm"].value - 0.5) > 0.2
    assert found["dr"].value == pytest.approx(found["ips"].value, abs=0.01)


@given(st.floats(-100.0, 100.0))
@settings(max_examples=25, deadline=None)
def test_self_normalised_estimators_move_with_a_constant_added_to_all_rewards(by: float) -> None:
    data = draw(np.random.default_rng(4), 500, TARGET[::-1].copy())
    moved = replace(data, reward=data.reward + by)
    for name in ("snips", "sndr"):
        (before,) = evaluate(data, TARGET, [name])
        (after,) = evaluate(moved, TARGET, [name])
        assert after.value - before.value == pytest.approx(by, rel=1e-9, abs=1e-9)
        assert after.variance == pytest.approx(before.variance, rel=1e-6)


def test_more_examples_give_tighter_intervals() -> None:
    rng = np.random.default_rng(5)
    few, many = (estimates(draw(rng, n), TARGET) for n in (1_000, 16_000))
    for name in NAMES:
        ratio = many[name].interval().width / few[name].interval().width
        assert 0.1 < ratio < 0.5, name


def test_the_log_written_twice_has_the_same_value_and_half_the_variance() -> None:
    data = draw(np.random.default_rng(6), 3_000)
    twice = data.take(np.concatenate([np.arange(data.n)] * 2))
    model = RewardModel.given(RATES * 0.9)
    options = Options(
        groups=GROUPS,
        parameters={
            "clipped-ips": 2.0,
            "sg-ips": 0.1,
            "switch-dr": 2.0,
            "dr-os": 9.0,
            "sg-dr": 0.1,
        },
    )
    once = evaluate(data, TARGET, None, model, options)
    again = evaluate(twice, TARGET, None, model, options)
    for left, right in zip(once, again, strict=True):
        assert right.value == pytest.approx(left.value, rel=1e-10)
        assert right.variance == pytest.approx(left.variance / 2, rel=1e-3)


def test_rows_that_come_in_identical_pairs_are_one_observation_when_clustered() -> None:
    data = draw(np.random.default_rng(7), 3_000)
    model = RewardModel.given(RATES * 0.9)
    names = [name for name in NAMES if name != "dm"]
    options = Options(
        groups=GROUPS,
        parameters={
            "clipped-ips": 2.0,
            "sg-ips": 0.1,
            "switch-dr": 2.0,
            "dr-os": 9.0,
            "sg-dr": 0.1,
        },
    )
    pairs = np.repeat(np.arange(data.n), 2)
    clustered = replace(data.take(pairs), cluster=pairs)
    for single, paired in zip(
        evaluate(data, TARGET, names, model, options),
        evaluate(clustered, TARGET, names, model, options),
        strict=True,
    ):
        assert paired.value == pytest.approx(single.value, rel=1e-10)
        assert paired.variance == pytest.approx(single.variance, rel=1e-9), single.estimator
        assert paired.diagnostics.mean_weight_error == pytest.approx(
            single.diagnostics.mean_weight_error, rel=1e-9
        )


def test_shrinking_nothing_is_the_plain_estimator() -> None:
    data = draw(np.random.default_rng(8), 2_000, TARGET[::-1].copy())
    nothing = {"clipped-ips": 1e9, "sg-ips": 0.0, "switch-dr": 1e9, "dr-os": np.inf, "sg-dr": 0.0}
    found = {
        e.estimator: e for e in evaluate(data, TARGET, None, None, Options(parameters=nothing))
    }
    for name in nothing:
        plain = found["dr" if "dr" in name else "ips"]
        assert found[name].value == pytest.approx(plain.value, rel=1e-12)
        assert found[name].verdict == plain.verdict == "usable"


def test_dr_with_weights_shrunk_to_nothing_is_the_direct_method() -> None:
    data = draw(np.random.default_rng(9), 2_000)
    options = Options(parameters={"dr-os": 0.0, "switch-dr": 0.0})
    dm, switch, shrunk = evaluate(data, TARGET, ["dm", "switch-dr", "dr-os"], None, options)
    assert switch.value == shrunk.value == pytest.approx(dm.value, rel=1e-12)


def test_the_order_of_rows_does_not_matter_when_folds_stay() -> None:
    data = draw(np.random.default_rng(10), 1_000)
    model = RewardModel.given(RATES * 1.1)
    order = np.random.default_rng(11).permutation(data.n)
    before, after = estimates(data, TARGET, model), estimates(data.take(order), TARGET, model)
    for name in NAMES:
        assert after[name].value == pytest.approx(before[name].value, rel=1e-12)
