"""Reports of the decision log, against what was logged by hand."""

import pytest

from include.settings import Settings
from tests.support.logged import rows
from tests.support.shop_log import ingest, log, opened, reward

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


def test_reports_of_the_decision_log_are_the_log_by_hand(isolated: Settings) -> None:
    shop = opened(isolated, quality={"refused_share": 0.5})
    ids = [log(shop, minute, f"u{minute}", arm=minute % 3) for minute in range(12)]
    log(shop, 12, "outlaw", arm=2, content_hash="0" * 64)
    for minute, arm in ((5, 0), (6, 0), (7, 0), (13, 1)):
        log(shop, minute, "crawler", arm=arm, flag="excluded")
    log(shop, 14, "tester", arm=2, flag="forced")
    for number, minutes in ((0, 1), (1, 3), (2, 5), (3, 40)):
        reward(shop, number + minutes, decision_id=ids[number])
    reward(shop, 1, unit="nobody")
    reward(shop, 1, arm_id="item-1")
    ingest(shop)
    first, second = rows(shop, "select * from allot.log_quality order by batch_id")
    assert (first["decisions"], first["rewards_joined"], first["refusals"]) == (13, 3, {})
    assert (second["rows_in"], second["rows_quarantined"]) == (5, 1)
    assert second["refusals"] == {"version_known": 1}
    assert (second["refused_share_of_one_arm"], second["summed"]) == (1.0, False)
    told = rows(shop, "select outcome, rewards, in_inbox from allot.rewards_by_outcome order by 1")
    assert [tuple(row.values()) for row in told] == [
        ("joined", 3, False),
        ("late", 1, True),
        ("total", 1, False),
        ("unknown", 1, True),
    ]
    assert (first["flags"], second["flags"]) == ({"excluded": 3}, {"excluded": 1, "forced": 1})
    flagged = rows(shop, "select * from allot.flagged_decisions order by flag, arm")
    assert [
        (str(each["day"]), each["flag"], each["arm_id"], each["decisions"]) for each in flagged
    ] == [
        ("2026-01-10", "excluded", "item-0", 3),
        ("2026-01-10", "excluded", "item-1", 1),
        ("2026-01-10", "forced", "item-2", 1),
    ]
    assert flagged[0]["share"] == 3 / 17
    [delay] = rows(shop, "select * from allot.rewards_by_delay")
    assert (delay["batch_id"], delay["joined"], delay["occurred_late"]) == (
        *(first["batch_id"], 3, 1),
    )
    assert (delay["delay_median"], delay["delay_max"]) == (4 * 60, 40 * 60)
    assert delay["window_seconds"] == 30 * 60
    # Written now, for a batch of long ago.
    assert delay["restating"] == 3
