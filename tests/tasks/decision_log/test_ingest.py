"""The decision log on its way into the lake: nothing lost, nothing doubled, joined rightly."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from include.settings import Settings
from tests.support.ledger import assert_silver_is_the_log, in_silver
from tests.support.logged import rows
from tests.support.shop_log import WINDOW, ingest, log, opened, reward

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    return opened(isolated)


def outcomes(settings: Settings) -> dict[str, str]:
    found = rows(settings, "select reward_id, outcome from allot.reward_outcome")
    return {row["reward_id"]: row["outcome"] for row in found}


def rewards_in_silver(settings: Settings) -> dict[str, float]:
    return dict(in_silver(settings, "shop").select("decision_id", "reward").iter_rows())


def test_every_decision_stands_in_silver_once_with_its_reward(shop: Settings) -> None:
    ids = [log(shop, minute, f"u{minute % 4}", arm=minute % 3) for minute in range(29)]
    for minute, name in enumerate(ids):
        if minute % 4 == 0:
            reward(shop, minute + 10, decision_id=name)
        if minute % 5 == 0:
            reward(shop, minute + 0.5, unit=f"u{minute % 4}")
    exported, made = ingest(shop)
    assert (exported.decisions, exported.rewards) == (29, 8 + 6)
    assert made.batches == ["2026-01-10T12:00Z", "2026-01-10T12:10Z", "2026-01-10T12:20Z"]
    assert (made.rows_in, made.rows_silver, made.rows_quarantined) == (29, 29, 0)
    silver = assert_silver_is_the_log(shop, "shop", WINDOW)
    told = list(outcomes(shop).values())
    assert told.count("joined") == silver["reward"].sum()
    again, nothing = ingest(shop)
    assert (again.objects, nothing.batches) == (0, [])


def test_no_unit_id_enters_the_lake_and_a_unit_keeps_its_pseudonym(shop: Settings) -> None:
    log(shop, 0, "alice@example.org")
    log(shop, 1, "bob")
    ingest(shop)
    log(shop, 2, "alice@example.org")
    log(shop, 3)
    ingest(shop)
    units = in_silver(shop, "shop").sort("decided_at")["unit"].to_list()
    assert units[0] == units[2] != units[1]
    assert units[3] is None
    assert not {"alice@example.org", "bob"} & set(units)


def test_forced_decisions_are_kept_apart_from_what_is_learned_from(shop: Settings) -> None:
    log(shop, 0, "u", flag="forced")
    log(shop, 1, "u", flag="paused")
    log(shop, 2, "u")
    ingest(shop)
    found = in_silver(shop, "shop").sort("decided_at")
    assert found["behavior_policy"].to_list() == ["forced", "paused", "v0"]
    assert found["pscore"].to_list() == [1.0, 1.0, 0.3334]


def test_a_reward_that_arrives_late_restates_its_batch_and_one_that_occurred_late_does_not(
    shop: Settings,
) -> None:
    first, second = log(shop, 0, "u"), log(shop, 15, "v")
    ingest(shop)
    assert set(rewards_in_silver(shop).values()) == {0.0}
    late = reward(shop, 31, decision_id=first)
    lost = reward(shop, 3, decision_id=str(uuid.uuid4()))
    good = reward(shop, 44, unit="v")
    _, made = ingest(shop)
    assert made.batches == ["2026-01-10T12:10Z"]
    assert rewards_in_silver(shop) == {first: 0.0, second: 1.0}
    assert outcomes(shop) == {late: "late", lost: "unknown", good: "joined"}


def test_a_decision_that_a_spool_ships_late_takes_its_reward_over(shop: Settings) -> None:
    earlier = log(shop, 0, "u")
    reward(shop, 12, unit="u")
    ingest(shop)
    assert rewards_in_silver(shop) == {earlier: 1.0}
    shipped = log(shop, 11, "u")
    _, made = ingest(shop)
    assert made.batches == ["2026-01-10T12:00Z", "2026-01-10T12:10Z"]
    assert rewards_in_silver(shop) == {earlier: 0.0, shipped: 1.0}
    assert_silver_is_the_log(shop, "shop", WINDOW)


def test_a_reward_that_came_before_its_decision_joins_once_that_is_shipped(shop: Settings) -> None:
    name = str(uuid.uuid4())
    reward(shop, 5, decision_id=name)
    ingest(shop)
    log(shop, 0, "u", decision_id=name)
    ingest(shop)
    assert rewards_in_silver(shop) == {name: 1.0}


def test_rows_that_their_version_does_not_explain_are_quarantined_by_name_and_arm(
    shop: Settings,
) -> None:
    good = [log(shop, 0.1 * number, f"u{number}", arm=number % 3) for number in range(10)]
    log(shop, 3, "x", arm=1, share=3334)
    log(shop, 3, "y", arm=2, content_hash="0" * 64)
    _, made = ingest(shop)
    assert (made.rows_in, made.rows_silver, made.rows_quarantined) == (12, 10, 2)
    assert set(rewards_in_silver(shop)) == set(good)
    assert rows(shop, "select expectation, arm, rows from allot.log_refusal order by arm") == [
        {"expectation": "propensity_published", "arm": 1, "rows": 1},
        {"expectation": "version_known", "arm": 2, "rows": 1},
    ]


def test_what_was_exported_is_what_its_name_says(shop: Settings) -> None:
    for minute in range(3):
        log(shop, minute, f"u{minute}")
    ingest(shop)
    found: Sequence[dict[str, Any]] = rows(
        shop,
        "select b.object_key, b.row_count, o.rows from allot.log_object as o"
        " inner join allot.bronze_object as b using (sha256)",
    )
    assert [(row["row_count"], row["rows"]) for row in found] == [(3, 3)]
    assert found[0]["object_key"].startswith("decision_log/shop/decision/")
