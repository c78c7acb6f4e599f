"""The decision: what follows from the checks, by hand and as laws, and its error rates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.inference.decision import Recommendation, recommend
from include.bandit.inference.decision_evidence import ArmEvidence, Evidence, PositionEvidence
from include.experiments.verdict import Verdict
from studies.decide import fold
from studies.table import Rate

RULES = Verdict(minimum_uplift=0.05, minimum_days=7, maximum_days=28, minimum_units=100)
GOOD = ArmEvidence(
    arm="b",
    known=True,
    reason="",
    estimate=0.010,
    lower=0.004,
    upper=0.016,
    disagreement=False,
    baseline=0.05,
    units=5000,
    expected_loss=0.0001,
)
FLAT = replace(GOOD, estimate=0.0, lower=-0.002, upper=0.002)
BAD = replace(GOOD, estimate=-0.01, lower=-0.016, upper=-0.004)


def evidence(*arms: ArmEvidence, days: float = 10, **changes: object) -> Evidence:
    position = PositionEvidence(arms, sample_ratio=1.0)
    given = {"days": days, "maximum_days": 28.0, "positions": (position,)}
    return Evidence(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arm", "kind"), [(GOOD, "ship"), (FLAT, "stop_futility"), (BAD, "stop_harm")]
)
def test_each_rule_fires(arm: ArmEvidence, kind: str) -> None:
    found = recommend(evidence(arm), RULES)
    assert (found.kind, found.arm) == (kind, "b" if kind == "ship" else None)
    assert all(check.state == "met" for check in found.reasons())


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"lower": -1e-9}, "lower_end"),
        ({"lower": None}, "lower_end"),
        ({"estimate": 0.0024}, "uplift"),
        ({"baseline": None}, "uplift"),
        ({"disagreement": True}, "agreement"),
        ({"units": 99}, "minimum_units"),
        ({"known": False, "reason": "units were not drawn"}, "known"),
    ],
)
def test_one_condition_that_is_not_met_keeps_an_arm_from_shipping(
    change: dict[str, object], missing: str
) -> None:
    found = recommend(evidence(replace(GOOD, **change)), RULES)  # type: ignore[arg-type]
    assert found.kind == "keep_running"
    assert missing in {check.name for check in found.reasons() if check.rule == "ship"}


def test_what_concerns_all_arms_blocks_too() -> None:
    mismatch = PositionEvidence((GOOD,), sample_ratio=0.001, mismatch=True)
    untested = PositionEvidence((GOOD,), sample_ratio=None)
    for broken in (
        evidence(GOOD, days=6.9),
        evidence(GOOD, positions=(mismatch,)),
        evidence(GOOD, positions=(untested,)),
    ):
        assert recommend(broken, RULES).kind == "keep_running"
    strict = RULES.model_copy(update={"require_discovery": True, "expected_loss": 0.00005})
    found = recommend(evidence(GOOD, discovery=None), strict)
    assert {c.name for c in found.reasons() if c.rule == "ship"} == {"discovery", "expected_loss"}
    relaxed = strict.model_copy(update={"expected_loss": 0.0002})
    assert recommend(evidence(GOOD, discovery=True), relaxed).kind == "ship"


def test_harm_does_not_wait_for_the_minimum_but_futility_does() -> None:
    assert recommend(evidence(BAD, days=1), RULES).kind == "stop_harm"
    assert recommend(evidence(FLAT, days=1), RULES).kind == "keep_running"


def test_declared_harm_is_a_loss_beyond_which_it_is_one() -> None:
    tolerant = RULES.model_copy(update={"harm": 0.10})
    assert recommend(evidence(BAD), tolerant).kind == "stop_futility"
    assert recommend(evidence(replace(BAD, upper=-0.0051)), tolerant).kind == "stop_harm"


def test_one_open_arm_keeps_the_others_from_stopping_it() -> None:
    still_open = replace(FLAT, arm="c", upper=0.004)
    assert recommend(evidence(FLAT, still_open), RULES).kind == "keep_running"
    assert recommend(evidence(BAD, replace(FLAT, arm="c")), RULES).kind == "stop_futility"


def test_the_longest_duration_ends_what_nothing_else_ended() -> None:
    still_open = replace(FLAT, upper=0.004)
    found = recommend(evidence(still_open, days=28), RULES)
    assert found.kind == "stop_duration"
    assert [check.name for check in found.reasons()] == ["maximum_days"]
    assert recommend(evidence(GOOD, days=28), RULES).kind == "ship"


def test_of_two_arms_that_may_ship_the_larger_estimate_is_taken() -> None:
    other = replace(GOOD, arm="c", estimate=0.012)
    assert recommend(evidence(GOOD, other), RULES).arm == "c"
    assert recommend(evidence(GOOD, replace(GOOD, arm="c")), RULES).arm == "b"


def test_every_position_must_want_the_same_arm() -> None:
    b = (GOOD, replace(FLAT, arm="c", upper=0.01))
    c = (replace(FLAT, upper=0.01), replace(GOOD, arm="c"))
    apart = tuple(PositionEvidence(arms, 1.0) for arms in (b, c))
    together = tuple(PositionEvidence(arms, 1.0) for arms in (b, b))
    assert recommend(evidence(positions=apart), RULES).kind == "keep_running"
    assert recommend(evidence(positions=together), RULES).arm == "b"
    with pytest.raises(ValueError, match="same arms"):
        recommend(evidence(positions=()), RULES)


ends = st.one_of(st.none(), st.floats(-0.1, 0.1))
arms = st.builds(
    ArmEvidence,
    arm=st.just("b"),
    known=st.booleans(),
    reason=st.just(""),
    estimate=st.floats(-0.1, 0.1),
    lower=ends,
    upper=ends,
    disagreement=st.booleans(),
    baseline=st.one_of(st.none(), st.floats(0.0, 1.0)),
    units=st.integers(0, 10_000),
    expected_loss=st.one_of(st.none(), st.floats(0.0, 0.1)),
)
rules = st.builds(
    Verdict,
    minimum_uplift=st.floats(0.0, 0.5),
    harm=st.floats(0.0, 0.5),
    minimum_days=st.floats(0.0, 14.0),
    minimum_units=st.integers(0, 5000),
    expected_loss=st.one_of(st.none(), st.floats(0.0, 0.1)),
    require_discovery=st.booleans(),
)
everything = st.builds(
    Evidence,
    days=st.floats(0.0, 40.0),
    maximum_days=st.floats(14.0, 40.0),
    positions=st.lists(
        st.builds(
            PositionEvidence,
            arms=st.tuples(arms, arms.map(lambda one: replace(one, arm="c"))),
            sample_ratio=st.one_of(st.none(), st.floats(0.0, 1.0)),
            mismatch=st.booleans(),
        ),
        min_size=1,
        max_size=3,
    ).map(tuple),
    discovery=st.one_of(st.none(), st.booleans()),
)


def _says(found: Recommendation) -> set[str]:
    return {check.state for check in found.reasons()}


@given(everything, rules)
def test_what_ships_is_better_by_its_own_numbers(given_: Evidence, declared: Verdict) -> None:
    found = recommend(given_, declared)
    if found.kind != "ship":
        return
    assert _says(found) == {"met"}
    assert given_.days >= declared.minimum_days
    for position in given_.positions:
        assert not position.mismatch
        assert position.sample_ratio is not None
        one = next(arm for arm in position.arms if arm.arm == found.arm)
        assert one.known
        assert one.lower is not None
        assert one.lower > 0
        assert not one.disagreement
        assert one.units >= declared.minimum_units
        if declared.minimum_uplift:
            assert one.baseline is not None
            assert one.estimate is not None
            assert one.estimate >= declared.minimum_uplift * one.baseline
    assert given_.discovery or not declared.require_discovery


@given(everything, rules)
def test_every_check_agrees_with_its_own_numbers(given_: Evidence, declared: Verdict) -> None:
    for check in recommend(given_, declared).checks:
        if check.name in {"known", "agreement", "discovery", "sample_ratio"}:
            continue
        if check.value is None or check.threshold is None:
            assert check.state == "unknown"
            continue
        below = check.name in {"upper_end", "expected_loss"}
        edge = check.value == check.threshold
        holds = check.value < check.threshold if below else check.value > check.threshold
        assert edge or (check.state == "met") == holds, check.text()


@given(everything, rules)
def test_more_doubt_never_ships_more(given_: Evidence, declared: Verdict) -> None:
    doubted = replace(
        given_,
        positions=tuple(replace(p, sample_ratio=None) for p in given_.positions),
    )
    assert recommend(doubted, declared).kind in {"keep_running", "stop_duration"}
    stricter = declared.model_copy(update={"minimum_uplift": declared.minimum_uplift + 0.1})
    if recommend(given_, declared).kind != "ship":
        assert recommend(given_, stricter).kind != "ship"


@given(everything, rules)
def test_the_longest_duration_is_never_passed(given_: Evidence, declared: Verdict) -> None:
    late = replace(given_, days=given_.maximum_days)
    assert recommend(late, declared).final


@given(everything, rules)
def test_the_words_hold_the_numbers(given_: Evidence, declared: Verdict) -> None:
    for check in recommend(given_, declared).checks:
        assert check.state in check.text()
        if check.value is not None:
            assert f"{check.value:.6g}" in check.text()


def test_equal_arms_are_rarely_shipped_and_lifted_ones_often() -> None:
    """The null through the decision itself, after each of 28 days; a real lift beside it."""
    null = fold([0.05, 0.05], "thompson", 0.10, runs=1500, seed=41)
    assert Rate.of(null.kind == "ship").at_most(0.05)
    lifted = fold([0.05, 0.065], "thompson", 0.10, runs=200, seed=42)
    assert Rate.of(lifted.kind == "ship").value >= 0.8
    harmful = fold([0.05, 0.035], "thompson", 0.10, runs=200, seed=43)
    assert Rate.of(harmful.kind == "stop_harm").value >= 0.8
    assert not (harmful.kind == "ship").any()
