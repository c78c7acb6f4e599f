"""Which state follows: every way out of the shadow, up the ramp and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from include.bandit.gate.ramp import Facts, Standing, follow
from include.bandit.gate.verdict import Judged, combined, judge
from include.experiments.ending import promoted
from include.experiments.promotion import Promotion
from tests.support.gated import gated

RULES = Promotion(batches_per_step=2)
GOOD = Facts("pass", "told", None, None, 2)


def step(number: int) -> Standing:
    return Standing("ramp", number, RULES.steps[number])


def test_the_whole_way_up() -> None:
    now, seen = Standing(), []
    while now.state != "promoted":
        now, _ = follow(now, GOOD, RULES)
        seen.append((now.state, now.step, now.share))
    assert seen == [("ramp", 0, 0.1), ("ramp", 1, 0.5), ("ramp", 2, 1.0), ("promoted", None, 1.0)]


@pytest.mark.parametrize(
    ("now", "change", "after"),
    [
        (Standing(), {"verdict": "wait"}, Standing()),
        (Standing(), {"verdict": "unknown"}, Standing()),
        (Standing(), {"verdict": "fail"}, Standing("rejected")),
        (Standing(), {"blocked": "error_rate unknown"}, Standing()),
        (step(1), {"verdict": "fail"}, Standing("rejected")),
        (step(1), {"untrusted": "batch held"}, Standing()),
        (step(1), {"passed": 1}, step(1)),
        (step(1), {"verdict": "wait"}, step(2)),
        (step(1), {"verdict": "unknown"}, step(1)),
        (Standing("rejected"), {}, Standing("rejected")),
    ],
)
def test_what_follows(now: Standing, change: dict[str, object], after: Standing) -> None:
    assert follow(now, replace(GOOD, **change), RULES)[0] == after  # type: ignore[arg-type]


@given(
    st.sampled_from([Standing(), step(0), step(1), step(2), Standing("rejected")]),
    st.sampled_from(["pass", "wait", "fail", "unknown"]),
    st.sampled_from([None, "blocked"]),
    st.sampled_from([None, "untrusted"]),
    st.integers(0, 5),
)
def test_more_traffic_is_never_given_without_passed_guardrails(
    now: Standing, verdict: str, blocked: str | None, untrusted: str | None, passed: int
) -> None:
    facts = Facts(verdict, "told", blocked, untrusted, passed)  # type: ignore[arg-type]
    after, why = follow(now, facts, RULES)
    assert why
    if after.share > now.share:
        if now.state == "shadow":
            assert (verdict, blocked) == ("pass", None)
        else:
            assert passed >= RULES.batches_per_step
            assert untrusted is None
            assert verdict in {"pass", "wait"}


def test_a_ramp_with_fewer_steps_than_before_ends() -> None:
    now, _ = follow(step(2), GOOD, Promotion(steps=(1.0,)))
    assert now.state == "promoted"


def test_one_position_that_fails_or_is_unknown_speaks_for_all() -> None:
    sides = {name: Judged(at, name, f"is {name}") for at, name in enumerate(("pass", "wait"))}  # type: ignore[arg-type]
    assert combined(list(sides.values())) == ("wait", "position 1: is wait")
    unknown, fail = Judged(2, "unknown", "thin"), Judged(3, "fail", "bad")
    assert combined([*sides.values(), unknown])[0] == "unknown"
    assert combined([*sides.values(), unknown, fail]) == ("fail", "position 3: bad")
    assert combined([sides["pass"]]) == ("pass", "is pass")


def test_no_row_is_unknown() -> None:
    found = judge(0, None, Promotion(), alpha=0.05, bounds=(0, 1))
    assert (found.verdict, found.lower, found.batches) == ("unknown", None, 0)


@pytest.mark.parametrize("steps", [(), (0.5,), (0.5, 0.1, 1.0), (0.5, 0.5, 1.0), (0.0, 1.0)])
def test_steps_rise_to_all_of_the_traffic(steps: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Promotion(steps=steps)


def test_what_is_promoted_takes_the_place_of_the_policy() -> None:
    before = gated()
    after = promoted(before)
    assert after.policy == before.challenger
    assert after.challenger is None
    assert (after.gate, after.promotion) == (True, before.promotion)
    with pytest.raises(ValueError, match="no challenger"):
        promoted(after)


def test_a_default_promotion_leaves_older_declarations_their_hash() -> None:
    assert "promotion" not in gated(promotion={}).document()
    assert gated().document()["promotion"]["margin"] == 0.02
