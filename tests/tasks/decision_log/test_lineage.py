"""From a published version back to the bytes in bronze that its decisions and rewards lie in."""

import hashlib
from typing import Any

import polars as pl
import pytest

from include.settings import Settings
from include.stores.lake.storage import object_client
from tests.support.logged import rows
from tests.support.shop_log import ingest, learn, log, opened, reward, show

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]

FIRST, SECOND = "2026-01-10T12:00Z", "2026-01-10T12:10Z"


def lineage(settings: Settings, version: int, batch_id: str) -> list[dict[str, Any]]:
    return rows(
        settings,
        f"select * from allot.lineage where experiment = 'shop' and version = {version}"
        f" and batch_id = '{batch_id}' order by behavior_policy, object_key",
    )


def ids_in_bronze(settings: Settings, traced: list[dict[str, Any]], kind: str) -> set[str]:
    """Read the objects that the view names, holding it to checksum and number of rows."""
    client = object_client(settings)
    found: set[str] = set()
    for each in traced:
        answer = client.get_object(settings.bronze_bucket, each["object_key"])
        content = answer.read()
        answer.close()
        assert hashlib.sha256(content).hexdigest() == each["sha256"]
        records = pl.read_parquet(content)
        assert records.height == each["row_count"]
        if each["behavior_policy"] == kind:
            found |= set(records["decision_id"].to_list())
    return found


def test_a_version_leads_to_the_objects_of_its_batches(isolated: Settings) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute, arm=minute % 3) for minute in range(8)]
    reward(shop, 5, decision_id=ids[2])
    ingest(shop)
    # Shipped late, and of another batch as well: a second object for the first.
    ids.append(log(shop, 9))
    later = log(shop, 12)
    ingest(shop)
    assert learn(shop) == [1, 2]
    first, second = lineage(shop, 2, FIRST), lineage(shop, 2, SECOND)
    assert [each["behavior_policy"] for each in first] == ["decision", "decision", "reward"]
    assert ids_in_bronze(shop, first, "decision") == {*ids, later}
    assert ids_in_bronze(shop, first, "reward") == {ids[2]}
    assert ids_in_bronze(shop, second, "decision") == {ids[-1], later}
    assert [each["sha256"] for each in lineage(shop, 1, FIRST)] == [
        each["sha256"] for each in first
    ]


def test_a_restatement_adds_its_objects_and_the_published_version_keeps_its_own(
    isolated: Settings,
) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute, arm=minute % 3) for minute in range(8)]
    ingest(shop)
    assert learn(shop) == [1]
    before = lineage(shop, 1, FIRST)
    reward(shop, 20, decision_id=ids[4])
    ingest(shop)
    assert learn(shop) == [2]
    published, restated = lineage(shop, 1, FIRST), lineage(shop, 2, FIRST)
    assert [each["sha256"] for each in published] == [each["sha256"] for each in before]
    assert ids_in_bronze(shop, published, "reward") == set()
    assert ids_in_bronze(shop, restated, "reward") == {ids[4]}
    assert {each["sha256"] for each in restated} > {each["sha256"] for each in published}


def test_rows_that_come_out_equal_keep_the_objects_that_they_were_first_made_from(
    isolated: Settings,
) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute) for minute in range(3)]
    ingest(shop)
    assert learn(shop) == [1]
    before = lineage(shop, 1, FIRST)
    # Too late to join: the batch is looked at again, and its rows are the same.
    reward(shop, 200, decision_id=ids[0])
    ingest(shop)
    assert learn(shop) == []
    assert lineage(shop, 1, FIRST) == before


def test_what_was_shown_is_traced_as_well(isolated: Settings) -> None:
    shop = opened(isolated, exposure={"window": "PT20M"})
    ids = [log(shop, minute) for minute in range(3)]
    show(shop, 1, ids[0])
    ingest(shop)
    assert learn(shop) == [1]
    assert ids_in_bronze(shop, lineage(shop, 1, FIRST), "exposure") == {ids[0]}
