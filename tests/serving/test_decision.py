import time
import uuid
from collections import Counter
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from include.contract.assignment import assign
from serving.decide import Asked, decide
from serving.snapshot import compile_snapshot
from serving.terms import UNTOLD
from tests.support.publishing import published
from tests.support.served import Api

pytestmark = pytest.mark.services

SLATE = [(5000, 3000, 2000), (0, 1, 9999), (3334, 3333, 3333)]
UNICODE = [
    *("user-1", " ", "\u00fcml\u00e4ut", "e\u0301", "\u65e5\u672c\u8a9e", "\U0001f642"),
    *("\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u202eright-to-left", "\U0010ffff"),
    *("a&b=c", "a+b", "%00", "'; drop table", "line\nbreak", "x" * 256, "\ufeff", "\ud7ff\ue000"),
]


@pytest.mark.parametrize("unit", UNICODE, ids=ascii)
def test_every_unicode_unit_is_recomputed_from_its_snapshot(api: Api, unit: str) -> None:
    answer = api.get("/decision", experiment_id="button", unit_id=unit)
    assert answer.status_code == 200, answer.text
    decision = answer.json()
    expected = assign(published("button", buckets=[(3127, 6873)]).content, unit)
    assert decision["unit_id"] == unit
    assert decision["arm_id"] == ("blue", "green")[expected.arm]
    assert decision["propensity"] == expected.propensity


@pytest.mark.parametrize(
    "encoded", ["%00", "a%00b", "%ED%A0%80", "%FF", "%C0%AF", "", "x" * 257, "%F4%90%80%80"]
)
def test_units_that_no_database_can_hold_are_refused(api: Api, encoded: str) -> None:
    answer = api.client.get(f"/decision?experiment_id=button&unit_id={encoded}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == "unit_id"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("unit_id=u", "experiment_id"),
        ("experiment_id=", "experiment_id"),
        ("experiment_id=Button", "experiment_id"),
        ("experiment_id=..%2Fetc", "experiment_id"),
        ("experiment_id=button%0A", "experiment_id"),
        ("experiment_id=button&unit=u", "unit"),
        ("experiment_id=button&unit_id=a&unit_id=b", "unit_id"),
        ("experiment_id=button&unit_id=u&cell=none", "cell"),
    ],
)
def test_a_misspelt_repeated_or_impossible_parameter_is_refused(
    api: Api, query: str, field: str
) -> None:
    answer = api.client.get(f"/decision?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_shares_are_what_is_drawn() -> None:
    snapshot = compile_snapshot(published("slate", arms=("a", "b", "c"), buckets=SLATE))
    drawn = [Counter[int](), Counter[int](), Counter[int]()]
    for number in range(30_000):
        for position, draw in enumerate(decide(snapshot, UNTOLD, Asked(f"u{number}")).draws):
            drawn[position][draw.arm] += 1
    # The units are fixed, so that this either always holds or never.
    for position in (0, 2):
        expected = [share * 3 for share in SLATE[position]]
        assert chisquare([drawn[position][arm] for arm in range(3)], expected).pvalue > 1e-3
    assert drawn[1][0] == 0
    assert drawn[1][1] < 12


@settings(max_examples=60, deadline=None)
@given(
    buckets=st.lists(st.integers(0, 400), min_size=2, max_size=20),
    unit=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_the_compiled_snapshot_draws_as_the_contract_assigns(buckets: list[int], unit: str) -> None:
    whole = [*buckets, 10_000 - sum(buckets)]
    arms = tuple(f"arm-{index}" for index in range(len(whole)))
    snapshot = published("any", arms=arms, buckets=[whole, whole[::-1]])
    for slot, draw in enumerate(compile_snapshot(snapshot).draw("*", unit.encode())):
        expected = assign(snapshot.content, unit, slot=slot)
        assert (draw.arm, draw.share / 10_000) == (expected.arm, expected.propensity)


def test_a_slate_draws_every_position_with_its_own_propensity(api: Api) -> None:
    decision = api.get("/decision", experiment_id="slate", unit_id="u7").json()
    content = published("slate", arms=("a", "b", "c"), buckets=SLATE).content
    for position, entry in enumerate(decision["slate"]):
        expected = assign(content, "u7", slot=position)
        assert entry["position"] == position
        assert entry["arm_id"] == "abc"[expected.arm]
        assert entry["propensity"] == expected.propensity
    assert decision["arm_id"] == decision["slate"][0]["arm_id"]


def test_a_unit_keeps_its_arm_and_a_decision_without_unit_is_drawn_by_its_id(api: Api) -> None:
    arms = {
        api.get("/decision", experiment_id="button", unit_id="u").json()["arm_id"] for _ in range(5)
    }
    assert len(arms) == 1
    content = published("button", buckets=[(3127, 6873)]).content
    free = [api.get("/decision", experiment_id="button").json() for _ in range(40)]
    assert {decision["arm_id"] for decision in free} == {"blue", "green"}
    for decision in free:
        arm = assign(content, decision["decision_id"]).arm
        assert decision["arm_id"] == ("blue", "green")[arm]


def test_decision_ids_are_time_ordered_and_unique(api: Api) -> None:
    before = time.time()
    ids = [api.get("/decision", experiment_id="button").json()["decision_id"] for _ in range(50)]
    assert ids == sorted(set(ids))
    parsed = [uuid.UUID(text) for text in ids]
    assert {each.version for each in parsed} == {7}
    assert {each.variant for each in parsed} == {uuid.RFC_4122}
    assert before - 1 < (parsed[0].int >> 80) / 1000 < time.time() + 1


def test_decisions_are_never_stored_by_caches(api: Api) -> None:
    answer = api.get("/decision", experiment_id="button", unit_id=quote("u"))
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
