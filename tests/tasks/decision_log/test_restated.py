"""What arrives late restates what was published; what was published stays."""

import json

import pytest

from include.contract.canonical import Json, content_hash
from include.settings import Settings
from tests.support.ledger import assert_nothing_is_lost, assert_silver_is_the_log
from tests.support.logged import rows
from tests.support.shop_log import WINDOW, ingest, insert, learn, log, opened, reward

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


def test_a_late_reward_restates_a_published_version(isolated: Settings) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute, f"u{minute}", arm=minute % 3) for minute in range(15)]
    ingest(shop)
    assert learn(shop) == [1, 2]
    before = rows(shop, "select * from allot.weights_snapshot order by version")
    reward(shop, 20, decision_id=ids[4])
    ingest(shop)
    assert learn(shop) == [3]
    after = rows(shop, "select * from allot.weights_snapshot order by version")
    assert after[:-1] == before
    assert after[-1]["provenance"]["reason"] == "restatement"
    folded = rows(
        shop,
        "select w.version, sum(s.sum_r) as r from allot.weights_batch as w inner join"
        " allot.arm_statistics as s using (experiment, batch_id, statistics_hash)"
        " group by 1 order by 1",
    )
    assert [row["r"] for row in folded] == [0, 0, 1]
    assert learn(shop) == []


def test_under_nested_a_unit_counts_in_the_batch_of_its_first_decision(isolated: Settings) -> None:
    shop = opened(isolated, assignment="nested")
    returning = [log(shop, minute, "back", arm=1) for minute in (1, 2, 12)]
    log(shop, 13, "new", arm=2)
    reward(shop, 14, decision_id=returning[1])
    reward(shop, 14, decision_id=returning[2])
    ingest(shop)
    assert learn(shop) == [1, 2]
    sums = rows(
        shop,
        "select batch_id, arm, n, decisions, sum_r from allot.arm_statistics order by batch_id",
    )
    assert [tuple(row.values())[1:] for row in sums] == [(1, 1, 2, 1.0), (2, 1, 1, 0.0)]
    # Its first decision is shipped later: then all of it counts there, and nowhere else.
    log(shop, -3, "new", arm=2)
    ingest(shop)
    learn(shop)
    current = rows(
        shop,
        "select s.batch_id, s.arm from allot.arm_statistics as s inner join"
        " allot.batch_statistics as b using (experiment, batch_id, statistics_hash)"
        " where b.superseded_at is null order by 1",
    )
    assert [tuple(row.values()) for row in current] == [
        ("2026-01-10T11:50Z", 2),
        ("2026-01-10T12:00Z", 1),
    ]


def test_of_two_answers_to_one_request_the_first_stands_and_the_other_is_kept(
    isolated: Settings,
) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute, f"u{minute}", arm=0) for minute in range(9)]
    log(shop, 9, "outlaw", content_hash="0" * 64)
    record: dict[str, Json] = {"decision_id": ids[3], "arms": [2], "version": 0}
    text = json.dumps(record, separators=(",", ":"), sort_keys=True)
    insert(
        shop,
        "decision_superseded",
        {
            "experiment": "shop",
            "decision_id": ids[3],
            "record_hash": content_hash(record),
            "record": text,
        },
    )
    ingest(shop)
    assert_nothing_is_lost(shop, "shop")
    outlaw = "delete from allot.decision where unit = 'outlaw' returning 1"
    assert rows(shop, outlaw)
    held = assert_silver_is_the_log(shop, "shop", WINDOW)
    assert set(held["arm"]) == {0}
