"""A summary's counts: what was exported by its objects, the rest counted up to a bound."""

import asyncio
from typing import Any

import pytest

from include.settings import Settings
from serving.reading.counts import counts
from serving.stores.reports import Reader, Reports
from tests.support.logged import rows
from tests.support.shop_log import ingest, log, opened, reward

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


def counted(settings: Settings, most: int) -> dict[str, Any]:
    async def work(reader: Reader) -> dict[str, Any]:
        return await counts(reader, "shop", most)

    async def ask() -> dict[str, Any]:
        return await Reports(settings.database_url.get_secret_value(), 10.0).read(work)

    return asyncio.run(ask())


def test_what_is_exported_is_summed_and_the_rest_is_counted(isolated: Settings) -> None:
    shop = opened(isolated)
    for minute in range(5):
        reward(shop, minute + 1, decision_id=log(shop, minute))
    before = counted(shop, 10)
    assert before == {"decisions": 5, "rewards": 5, "counted": "exactly"}
    assert counted(shop, 3) == {"decisions": 3, "rewards": 3, "counted": "at_least"}
    ingest(shop)
    assert rows(shop, "select * from allot.log_object")
    # Nothing waits any more, so that nothing has to be counted.
    assert counted(shop, 0) == before
    log(shop, 6)
    assert counted(shop, 3) == {"decisions": 6, "rewards": 5, "counted": "exactly"}
