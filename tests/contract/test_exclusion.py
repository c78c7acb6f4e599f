"""Bots and staff are answered like everybody who does not take part, and the audit knows why."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.contract.participation import fits_any, matches
from include.contract.recompute import Recomputer
from include.contract.rules import rules_of
from include.experiments.schema import Experiment
from serving.decide import Asked, Decision, decide
from serving.snapshot import compile_snapshot
from serving.stores.explain import logged
from serving.terms import Terms, terms_of
from tests.support.declared import experiment
from tests.support.publishing import published

RULES: list[dict[str, str | int | bool]] = [{"bot": True}, {"network": "office", "known": True}]
ONE = published("shop", buckets=[(5_000, 5_000)])
TWO = published("shop", buckets=[(5_000, 5_000)] * 2)
CONTEXTS = st.dictionaries(
    st.sampled_from(["bot", "network", "known", "country"]),
    st.sampled_from([True, False, "office", "de", 1]),
)


def told(**declared: Any) -> Terms:
    names = ("control", "default_arm", "traffic_share", "eligible", "exclude", "cells", "reward")
    document = experiment(arms=["blue", "green"], **declared).document()
    return terms_of("running", {name: document.get(name) for name in names} | {"strategy": "ucb1"})


def faults(decision: Decision, *documents: dict[str, Any]) -> list[str]:
    row = {
        "decision_id": decision.decision_id,
        "request_id": decision.request_id,
        "unit": decision.unit,
        "cell": decision.cell,
        "version": decision.snapshot.version,
        "content_hash": decision.snapshot.content_hash,
        "arms": [draw.arm for draw in decision.draws],
        "arm_ids": [decision.snapshot.arms[draw.arm] for draw in decision.draws],
        "shares": [draw.share for draw in decision.draws],
        "buckets": [draw.bucket for draw in decision.draws],
        "flag": decision.flag,
        "erasure": None,
        "decided_at": datetime.fromtimestamp(decision.decided_us / 1e6, UTC),
    }
    chain = [one for one in (ONE, TWO) if one.content_hash == row["content_hash"]]
    return [fault.what for fault in Recomputer(chain, rules_of(documents)).faults(logged(row))]


@pytest.mark.parametrize(
    ("context", "flag"),
    [
        ({"bot": True}, "excluded"),
        ({"bot": True, "country": "de"}, "excluded"),
        ({"network": "office", "known": True}, "excluded"),
        ({"network": "office"}, None),
        ({"bot": False}, None),
        ({}, None),
        (None, None),
    ],
)
def test_a_context_that_fits_a_rule_is_answered_the_default_arm(
    context: dict[str, Any] | None, flag: str | None
) -> None:
    decision = decide(
        compile_snapshot(TWO), told(exclude=RULES, default_arm="green"), Asked("u", None, context)
    )
    assert decision.flag == flag
    if flag is not None:
        assert [tuple(draw) for draw in decision.draws] == [(1, 10_000, -1), (0, 10_000, -1)]


def test_it_is_told_before_whoever_else_takes_no_part() -> None:
    terms = told(exclude=RULES, eligible=[{"country": "de"}], traffic_share=0.0)
    asked = {"bot": True}, {"country": "fr"}, {"country": "de"}, {"country": "de", "bot": True}
    assert [terms.flag("shop", "u", each) for each in asked] == [
        *("excluded", "ineligible", "outside", "excluded"),
    ]


@given(CONTEXTS, st.text(min_size=1, max_size=8))
def test_the_log_of_any_context_recomputes(context: dict[str, Any], unit: str) -> None:
    unit = unit.encode("utf-8", "replace").decode()
    declared = {"exclude": RULES, "arms": ["blue", "green"]}
    decision = decide(compile_snapshot(ONE), told(exclude=RULES), Asked(unit, None, context))
    fits = any(matches(rule, context) for rule in RULES)
    assert (decision.flag == "excluded") == fits == fits_any(RULES, context)
    assert faults(decision, declared) == []
    # What no revision ever declared is no reason.
    assert faults(decision, {"arms": ["blue", "green"]}) == (["flag"] if fits else [])


def test_a_declaration_without_it_keeps_its_hash() -> None:
    plain = experiment()
    assert "exclude" not in plain.document()
    assert Experiment.model_validate({**plain.document(), "exclude": []}) == plain
    other = experiment(exclude=RULES)
    assert other.document()["exclude"] == RULES
    assert other.revision_hash() != plain.revision_hash()
    with pytest.raises(ValueError, match="at least 1 item"):
        experiment(exclude=[{}])
