"""Where exposure is declared only what was shown counts: late, missing and doubled exposures."""

import uuid
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from include.settings import Settings
from include.stores.lake.delta import open_table
from include.stores.lake.silver import FEEDBACK
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import read
from include.tasks.evaluation.logs import read_logs
from tests.support.ledger import assert_nothing_is_lost, assert_silver_is_the_log, in_silver
from tests.support.logged import rows
from tests.support.shop_log import (
    WINDOW,
    ingest,
    learn,
    log,
    opened,
    reward,
    show,
)

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]
CURRENT = (
    "select s.batch_id::text, s.arm, s.n, s.decisions, s.sum_r from allot.arm_statistics as s inner"
    " join allot.batch_statistics as b using (experiment, batch_id, statistics_hash)"
    " where b.superseded_at is null order by s.batch_id, s.arm"
)


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    return opened(isolated, exposure={"window": "PT20M"})


def sums(settings: Settings) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(settings, CURRENT)]


def exposed(settings: Settings) -> dict[str, bool | None]:
    return dict(in_silver(settings, "shop").select("decision_id", "exposed").iter_rows())


def outcomes(settings: Settings) -> list[str]:
    found = rows(settings, "select outcome from allot.exposure_outcome order by occurred_at")
    return [row["outcome"] for row in found]


def test_the_denominator_is_what_was_shown_and_silver_keeps_the_rest(shop: Settings) -> None:
    ids = [log(shop, minute, f"u{minute}", arm=minute % 3) for minute in range(9)]
    for minute in (0, 1, 2, 4):
        show(shop, minute + 1, ids[minute])
    show(shop, 9, ids[0])
    reward(shop, 6, decision_id=ids[4])
    reward(shop, 7, decision_id=ids[5])
    exported, made = ingest(shop)
    assert (exported.decisions, exported.rewards, exported.exposures) == (9, 2, 5)
    assert (made.rows_in, made.rows_silver, made.rows_quarantined) == (9, 9, 0)
    assert exposed(shop) == {name: place in (0, 1, 2, 4) for place, name in enumerate(ids)}
    assert_silver_is_the_log(shop, "shop", WINDOW)
    assert_nothing_is_lost(shop, "shop")
    assert learn(shop) == [1]
    assert sums(shop) == [
        ("2026-01-10T12:00Z", 0, 1, 1, 0.0),
        ("2026-01-10T12:00Z", 1, 2, 2, 1.0),
        ("2026-01-10T12:00Z", 2, 1, 1, 0.0),
    ]
    told = rows(shop, "select * from allot.exposures_by_arm order by arm")
    counts = [
        (row["arm_id"], row["exposed"], row["not_exposed"], row["unexposed_rewards"])
        for row in told
    ]
    assert counts == [("item-0", 1, 2, 0), ("item-1", 2, 1, 0), ("item-2", 1, 2, 1)]
    assert [row["expected_rate"] for row in told] == pytest.approx([4 / 9] * 3)
    assert told[1]["difference"] == pytest.approx(2 / 3 - 4 / 9)
    assert rows(shop, "select exposed_share from allot.log_quality") == [{"exposed_share": 4 / 9}]
    again, nothing = ingest(shop)
    assert (again.objects, nothing.batches, learn(shop)) == (0, [], [])


def test_a_late_exposure_restates_its_batch_if_it_occurred_in_time(shop: Settings) -> None:
    first, second, third = (log(shop, minute, f"u{minute}") for minute in (0, 1, 2))
    lost = str(uuid.uuid4())
    show(shop, -59, first)
    ingest(shop)
    assert learn(shop) == [1]
    assert sums(shop) == [("2026-01-10T12:00Z", 0, 1, 1, 0.0)]
    show(shop, 20, second)
    show(shop, 22.5, third)
    show(shop, -60, third)
    show(shop, 3, lost)
    _, made = ingest(shop)
    assert made.batches == ["2026-01-10T12:00Z"]
    assert exposed(shop) == {first: True, second: True, third: False}
    assert outcomes(shop) == ["early", "joined", "unknown", "joined", "late"]
    assert learn(shop) == [2]
    assert sums(shop) == [("2026-01-10T12:00Z", 0, 2, 2, 0.0)]
    reasons = rows(shop, "select reason from allot.allocation_event order by version")
    assert [row["reason"] for row in reasons] == ["created", "batch", "restatement"]


def test_an_exposure_told_again_changes_nothing_in_whatever_order(shop: Settings) -> None:
    name = log(shop, 0, "u")
    show(shop, 5, name)
    ingest(shop)
    learn(shop)
    before = sums(shop)
    show(shop, 3, name)
    show(shop, 19, name)
    ingest(shop)
    assert outcomes(shop) == ["joined", "repeated", "repeated"]
    assert (learn(shop), sums(shop)) == ([], before)


def test_an_exposure_that_came_before_its_decision_joins_once_that_is_shipped(
    shop: Settings,
) -> None:
    name = str(uuid.uuid4())
    show(shop, 1, name)
    ingest(shop)
    log(shop, 0, "u", decision_id=name)
    ingest(shop)
    assert exposed(shop) == {name: True}


def test_a_batch_of_which_nothing_was_shown_counts_nothing(shop: Settings, tmp_path: Path) -> None:
    shown = log(shop, 0, "u")
    show(shop, 0, shown)
    log(shop, 11, "v", arm=1)
    ingest(shop)
    learn(shop)
    assert sums(shop) == [("2026-01-10T12:00Z", 0, 1, 1, 0.0)]
    with transaction(shop) as connection:
        declared = read(connection, "shop").experiment
    [evaluated] = read_logs(shop, declared, open_table(shop, FEEDBACK).version(), scratch=tmp_path)
    assert (evaluated.batches, evaluated.n) == (("2026-01-10T12:00Z",), 1)


@pytest.mark.parametrize("assignment", ["rerandomise", "nested"])
def test_a_unit_counts_where_it_was_first_shown(isolated: Settings, assignment: str) -> None:
    shop = opened(isolated, exposure={"window": "PT20M"}, assignment=assignment)
    unseen = log(shop, 0, "u", arm=1)
    seen = log(shop, 12, "u", arm=1)
    log(shop, 13, "u", arm=1)
    show(shop, 12, seen)
    reward(shop, 14, decision_id=seen)
    ingest(shop)
    learn(shop)
    assert sums(shop) == [("2026-01-10T12:10Z", 1, 1, 1, 1.0)]
    # It was shown the first time as well, as is told later: then it counts there, and only there.
    show(shop, 1, unseen)
    ingest(shop)
    learn(shop)
    assert sums(shop) == [("2026-01-10T12:00Z", 1, 1, 1, 0.0)]


def test_flagged_decisions_stay_flagged_whatever_is_shown(shop: Settings) -> None:
    name = log(shop, 0, "u", flag="excluded")
    show(shop, 1, name)
    ingest(shop)
    learn(shop)
    assert (sums(shop), outcomes(shop)) == ([], ["flagged"])
    assert in_silver(shop, "shop")["behavior_policy"].to_list() == ["excluded"]


def test_where_nothing_is_declared_all_counts_and_exposures_wait_in_the_inbox(
    isolated: Settings,
) -> None:
    shop = opened(isolated)
    name, other = log(shop, 0, "u"), log(shop, 1, "v")
    ingest(shop)
    before = rows(shop, "select content_hash from allot.log_batch")
    show(shop, 1, name)
    ingest(shop)
    assert exposed(shop) == {name: None, other: None}
    assert rows(shop, "select content_hash from allot.log_batch") == before
    learn(shop)
    assert sums(shop) == [("2026-01-10T12:00Z", 0, 2, 2, 0.0)]
    assert outcomes(shop) == ["undeclared"]
    assert rows(shop, "select * from allot.exposures_by_arm") == []


def test_what_is_in_bronze_is_each_exposure_once(shop: Settings) -> None:
    for minute in range(3):
        show(shop, minute, log(shop, minute, f"u{minute}"))
    with connect(shop) as connection:
        (units,) = connection.execute("select count(*) from allot.unit_key").fetchone() or (0,)
    ingest(shop)
    found = rows(shop, "select rows from allot.log_object where kind = 'exposure'")
    assert (units, found) == (0, [{"rows": 3}])
    assert in_silver(shop, "shop").filter(pl.col("exposed")).height == 3
