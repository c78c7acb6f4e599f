"""Each guardrail fires, stays silent, and says unknown without data."""

from datetime import timedelta

import numpy as np
import pytest

from include.bandit.guardrails import api, log, reward, traffic
from include.bandit.guardrails.api import Answered
from include.bandit.inference.family import Design
from include.bandit.metrics.delta import of_mean
from include.bandit.metrics.effects import moments
from include.bandit.statistics import ArmStatistics
from include.experiments.guardrails import CustomGuardrail, Guardrails
from tests.support.guarded import own
from tests.support.metrics import metric_sums

DECLARED = Guardrails()
BOUNDS = (0.05, 0.1, 0.12, 0.25)


@pytest.mark.parametrize(
    ("requests", "errors", "state"),
    [
        (99, 99, "unknown"),
        (1000, 0, "pass"),
        (1000, 6, "warn"),
        (1000, 10, "warn"),
        (1000, 11, "fail"),
    ],
)
def test_error_rate(requests: int, errors: int, state: str) -> None:
    found = api.error_rate(Answered(requests, errors, BOUNDS, (requests, 0, 0, 0, 0)), DECLARED)
    assert found.state == state


@pytest.mark.parametrize(
    ("counts", "state", "value"),
    [
        ((50, 0, 0, 0, 0), "unknown", None),
        # 95 of 100 lie below 50 ms: straight within the class.
        ((1000, 0, 0, 0, 0), "pass", 0.0475),
        ((900, 100, 0, 0, 0), "warn", 0.075),
        ((0, 0, 1000, 0, 0), "warn", 0.119),
        ((900, 0, 0, 100, 0), "fail", 0.185),
        ((900, 0, 0, 0, 100), "fail", None),
    ],
)
def test_latency(counts: tuple[int, ...], state: str, value: float | None) -> None:
    found = api.latency(Answered(sum(counts), 0, BOUNDS, counts), DECLARED)
    assert found.state == state
    assert found.value == (value if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("shares", "burning_in", "state"),
    [
        ([0.5, 0.5], True, "pass"),
        ([0.65, 0.35], True, "warn"),
        ([0.75, 0.25], True, "warn"),
        ([0.76, 0.24], True, "fail"),
        ([0.99, 0.01], False, "pass"),
    ],
)
def test_concentration(shares: list[float], burning_in: bool, state: str) -> None:
    assert traffic.concentration({"v1": shares}, DECLARED, burning_in=burning_in).state == state


def test_concentration_by_a_declared_cap() -> None:
    declared = Guardrails(largest_share=0.9)
    shares = {"v1": [0.5, 0.5], "v2": [0.8, 0.2]}
    assert traffic.concentration(shares, declared, burning_in=True).state == "warn"
    assert traffic.concentration({}, declared, burning_in=True).state == "unknown"


@pytest.mark.parametrize(
    ("shares", "state"),
    [([0.5, 0.5], "pass"), ([0.99, 0.01], "warn"), ([0.999, 0.001], "fail"), ([1.0, 0.0], "fail")],
)
def test_exploration(shares: list[float], state: str) -> None:
    assert traffic.exploration({"v1": shares}, DECLARED).state == state


@pytest.mark.parametrize(
    ("units", "state"), [([5020, 4980], "pass"), ([4600, 5400], "fail"), ([0, 0], "unknown")]
)
def test_sample_ratio(units: list[int], state: str) -> None:
    found = traffic.srm([(np.array([units]), np.array([[0.5, 0.5]]))], ["old", "new"])
    assert found.state == state
    if state == "fail":
        assert "position 0, arm" in found.explanation


def rows(rates: tuple[float, float], *, days: int = 6, units: int = 5000) -> reward.Rewarded:
    """Days of an even log with exact rates."""
    n = np.full((days, 2), units, dtype=np.int64)
    k = np.array([[round(units * rate) for rate in rates]] * days, dtype=np.float64)
    two, four = np.full((days, 2), 2.0 * units), np.full((days, 2), 4.0 * units)
    sums = ArmStatistics(n, k, k, two, four, 2 * k, 4 * k, 4 * k)
    shares = np.full((days, 2), 0.5)
    return reward.Rewarded(sums, Design(shares=shares, bounds=(0.0, 1.0)), np.array([0.9, 0.1]))


@pytest.mark.parametrize(
    ("rates", "state", "arms"),
    [
        ((0.10, 0.10), "pass", ()),
        ((0.10, 0.12), "pass", ()),
        # Worse, though not surely by 5 %.
        ((0.10, 0.09), "warn", ()),
        ((0.10, 0.08), "fail", (1,)),
    ],
)
def test_reward_drop(rates: tuple[float, float], state: str, arms: tuple[int, ...]) -> None:
    found = reward.reward_drop([rows(rates)], 0, ["old", "new"], DECLARED)
    assert (found.state, found.arms) == (state, arms)
    assert found.value is not None
    assert found.value >= rates[1] / rates[0] - 1 - 1e-9, "the interval's end, not the point"


def test_reward_drop_of_the_traffic_counts_arms_by_their_shares() -> None:
    declared = Guardrails(reward_of="traffic")
    found = reward.reward_drop([rows((0.10, 0.05))], 0, ["old", "new"], declared)
    # Half the reward on a tenth of the traffic: about 5 % of it, and surely less than that.
    assert found.state == "warn"
    assert "the live shares" in found.explanation


def test_reward_drop_without_rewards_is_unknown() -> None:
    few = rows((0.1, 0.1), days=2, units=20)
    assert reward.reward_drop([few], 0, ["old", "new"], DECLARED).state == "unknown"
    assert reward.reward_drop([], 0, ["old", "new"], DECLARED).state == "unknown"


@pytest.mark.parametrize(
    ("refused", "total", "state"),
    [(0, None, "unknown"), (0, 1000, "pass"), (6, 1000, "warn"), (11, 1000, "fail")],
)
def test_refused_share(refused: int, total: int | None, state: str) -> None:
    assert log.refused_share(refused, total, own()).state == state


@pytest.mark.parametrize(
    ("impossible", "received", "state"),
    [(0, 0, "pass"), (1, 1000, "pass"), (6, 1000, "warn"), (11, 1000, "fail"), (1, 1, "fail")],
)
def test_rewards_of_another_kind_count_as_refused(
    impossible: int, received: int, state: str
) -> None:
    found = log.refused_share(1, 1000, own(), impossible=impossible, received=received)
    assert found.state == state
    assert ("rewards" in found.explanation) == (state != "pass")


@pytest.mark.parametrize(
    ("days", "state"), [(None, "unknown"), (1.2, "pass"), (3.5, "warn"), (4.1, "fail")]
)
def test_snapshot_age(days: float | None, state: str) -> None:
    age = None if days is None else timedelta(days=days)
    assert log.snapshot_age(age, own()).state == state


@pytest.mark.parametrize(
    ("waiting", "received", "state"),
    [(0, 0, "unknown"), (5, 100, "pass"), (15, 100, "warn"), (21, 100, "fail")],
)
def test_inbox(waiting: int, received: int, state: str) -> None:
    assert log.inbox(waiting, received, own()).state == state


def batch(rates: tuple[float, float]) -> ArmStatistics:
    """One day of such a log; its one row is the one position."""
    return rows(rates, days=1).statistics


@pytest.mark.parametrize(
    ("declared", "arm", "state"),
    [
        ({"at_least": 0.05}, None, "pass"),
        ({"at_least": 0.0901}, None, "warn"),
        ({"at_least": 0.11}, None, "fail"),
        ({"at_most": 0.05, "arm": "new"}, 1, "fail"),
        ({"at_most": 0.0799, "arm": "new"}, 1, "warn"),
        ({"at_most": 0.09, "arm": "new"}, 1, "pass"),
        ({"metric": "observations", "at_least": 20_000}, None, "fail"),
        ({"metric": "observations", "at_least": 10_000}, None, "pass"),
    ],
)
def test_custom_metrics(declared: dict[str, object], arm: int | None, state: str) -> None:
    one = CustomGuardrail.model_validate(declared)
    found = of_mean(batch((0.10, 0.08)).pooled(0), corrected=arm is not None)
    assert reward.custom("mine", one, found, arm).state == state


def test_a_custom_metric_without_data_is_unknown() -> None:
    one = CustomGuardrail(at_least=0.1)
    nothing = of_mean(ArmStatistics.zeros((2,)))
    assert [reward.custom("mine", one, found, None).state for found in (nothing, None)] == [
        "unknown",
        "unknown",
    ]


@pytest.mark.parametrize(("at_least", "state"), [(0.4, "pass"), (0.5, "warn"), (0.6, "fail")])
def test_a_custom_guardrail_of_a_ratio(at_least: float, state: str) -> None:
    """Of twelve units with two views each eleven click once: 11 of 24."""
    units = [(1.0, 2.0, 1, 0.5)] * 11 + [(0.0, 2.0, 1, 0.5), (1.0, 10.0, 0, 0.5)]
    one = CustomGuardrail(metric="ctr", arm="new", at_least=at_least)
    found = moments(metric_sums([units]).pooled(-2), "ratio")
    assert reward.custom("mine", one, found, 1).state == state


def test_a_ratio_of_nothing_is_unknown() -> None:
    one = CustomGuardrail(metric="ctr", arm="new", at_least=0.5)
    found = moments(metric_sums([[(0.0, 0.0, 1, 0.5)] * 5]).pooled(-2), "ratio")
    told = reward.custom("mine", one, found, 1)
    assert (told.state, told.value) == ("unknown", None)
    assert "nothing to divide by" in told.explanation


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"critical": ["latency"]}, "whole API"),
        ({"critical": ["speed"]}, "names no guardrail"),
        ({"custom": {"srm": {"at_least": 1.0}}}, "built-in"),
        ({"custom": {"mine": {}}}, "at_least, at_most or both"),
        ({"custom": {"mine": {"at_least": 2.0, "at_most": 1.0}}}, "not below"),
        ({"custom": {"mine": {"at_least": 2.0, "arm": "none"}}}, "unknown arm"),
        ({"custom": {"mine": {"at_least": 2.0, "position": 1}}}, "position 1 of 1"),
        ({"custom": {"mine": {"at_least": 2.0, "metric": "ctr"}}}, "ctr, which is no declared"),
    ],
)
def test_what_cannot_be_declared(declared: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        own(guardrails=declared)


def test_older_declarations_keep_their_hash() -> None:
    assert "guardrails" not in own().document()
    assert own(guardrails={"error_rate": 0.02}).revision_hash() != own().revision_hash()
