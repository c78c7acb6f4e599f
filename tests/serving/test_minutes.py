"""Counts of requests reach PostgreSQL once per process and minute, whatever fails meanwhile."""

import asyncio
from collections.abc import Callable

import pytest

from faults.lossy_proxy import lossy_proxy
from include.settings import Settings
from include.stores.reports.connection import connect
from serving.metrics import RequestTimes
from serving.minutes import Minutes
from serving.stores.database import Database
from tests.support.addresses import address_of, through

pytestmark = pytest.mark.services


def written(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        return connection.execute(
            "select route, sum(requests)::int, sum(refused)::int, sum(errors)::int,"
            " count(distinct process)::int from allot.serving_minute group by 1 order by 1"
        ).fetchall()


def minutes(settings: Settings, times: RequestTimes) -> Minutes:
    return Minutes(times, Database(settings.database_url.get_secret_value()), every=0.01)


def test_every_request_is_in_one_row_of_its_process(database: Settings) -> None:
    first, second = RequestTimes(), RequestTimes()

    async def serve() -> None:
        parts = [minutes(database, first), minutes(database, second)]
        for part in parts:
            part.start()
        for _ in range(5):
            first.note("/decision", 200, 0.003)
            first.note("/decision", 503, 0.2)
            second.note("/decision", 200, 0.003)
            second.note("other", 404, 0.001)
            await asyncio.sleep(0.02)
        for part in parts:
            await part.stop()

    asyncio.run(serve())
    assert written(database) == [("/decision", 15, 0, 5, 2), ("other", 5, 5, 0, 1)]
    with connect(database) as connection:
        classes = connection.execute(
            "select bound, sum(number)::int from allot.serving_minute,"
            " unnest(bounds || 'infinity'::float8, counts) as class (bound, number)"
            " where route = '/decision' group by 1 having sum(number) > 0 order by 1"
        ).fetchall()
    assert classes == [(0.005, 10), (0.25, 5)]


def test_a_lost_reply_neither_loses_nor_doubles_a_minute(database: Settings) -> None:
    times = RequestTimes()
    heard: list[bytes] = []

    def loses(chunk: bytes) -> bool:
        heard.append(chunk)
        return b"COMMIT" in chunk and sum(b"COMMIT" in one for one in heard) == 1

    async def serve(decides: Callable[[bytes], bool]) -> None:
        with lossy_proxy(address_of(database.database_url), decides) as proxy:
            part = minutes(through(database, "database_url", proxy.port), times)
            times.note("/decision", 200, 0.003)
            part.look()
            await part.write()
            times.note("/decision", 200, 0.003)
            await part.stop()

    asyncio.run(serve(loses))
    assert sum(b"COMMIT" in one for one in heard) >= 2
    assert written(database) == [("/decision", 2, 0, 0, 1)]
