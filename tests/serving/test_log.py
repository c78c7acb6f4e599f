"""What a client was told stands in the log, whatever happens to the database meanwhile."""

import asyncio
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from faults.lossy_proxy import lossy_proxy, once
from include.settings import Settings
from include.stores.reports.migrate import migrate
from serving.answers import Problem
from serving.decide import Asked, decide
from serving.render import record, render, render_row
from serving.snapshot import compile_snapshot
from serving.stores.database import Database
from serving.stores.decisions import DECISIONS
from serving.stores.rewards import REWARDS
from serving.stores.sink import Sink
from serving.terms import UNTOLD
from stack.platform import Stack
from stack.temporary import temporary_config
from tests.stack.conftest import processes_of
from tests.support.addresses import address_of, through
from tests.support.logged import assert_logged_as_told, logged, rows
from tests.support.publishing import Publisher, published
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services
CONTENT = published("button", buckets=[(3127, 6873)]).content


class Load:
    """Clients that ask until they are told to stop, and remember what they were told."""

    def __init__(self, api: Api) -> None:
        self.told: list[dict[str, Any]] = []
        self.refused: list[int] = []
        self._api = api
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(4)]

    def _ask(self, number: int) -> None:
        count = 0
        while not self._stop.is_set():
            count += 1
            unit = {"unit_id": f"u{number}-{count}"} if count % 2 else {}
            answer = self._api.get("/decision", experiment_id="button", **unit)
            if answer.status_code == 200:
                self.told.append(answer.json())
            else:
                self.refused.append(answer.status_code)

    def more(self, number: int = 30) -> None:
        """Wait until so many more were answered."""
        goal = len(self.told) + number
        eventually(lambda: len(self.told) >= goal, 60)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def shipped(api: Api) -> bool:
    return api.metric('allot_spool_depth{fate="waiting",kind="decision"}') == 0


def test_every_answer_stands_in_the_log_and_can_be_recomputed(api: Api, database: Settings) -> None:
    with Load(api).running() as load:
        load.more(100)
    assert load.refused == []
    assert set(logged(database)) == {answer["decision_id"] for answer in load.told}
    assert_logged_as_told(database, load.told, CONTENT)
    slate = api.get("/decision", experiment_id="slate", unit_id="u").json()
    row = logged(database)[slate["decision_id"]]
    assert row["arm_ids"] == [entry["arm_id"] for entry in slate["slate"]]


def test_a_frozen_and_a_killed_database_lose_nothing_and_delay_little(
    serve: Serve, store_address: str, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.publish("button", buckets=[(3127, 6873)])
    own = Stack(temporary_config(tmp_path / "state"))
    try:
        own.up(("postgres",), ("databases",), owner=os.getpid())
        migrate(own.settings)
        url = own.settings.database_url.get_secret_value()
        with serve(store_address, database_url=url, serving_log_seconds=0.3) as api:
            with Load(api).running() as load:
                load.more()
                # PostgreSQL's backends have left its process group.
                frozen = {child for each in processes_of(own) for child in each.children(True)}
                for process in frozen:
                    process.send_signal(signal.SIGSTOP)
                load.more()
                assert api.metric('allot_log_spooled_total{kind="decision"}') >= 20
                for process in frozen:
                    process.send_signal(signal.SIGCONT)
                eventually(lambda: shipped(api), 60)
                load.more()
                own.supervisor.end_leftovers()
                load.more()
                assert not shipped(api)
                own.up(("postgres",), ("databases",), owner=os.getpid())
                load.more()
            eventually(lambda: shipped(api), 60)
        assert load.refused == []
        assert len({answer["decision_id"] for answer in load.told}) == len(load.told)
        assert set(logged(own.settings)) == {answer["decision_id"] for answer in load.told}
        assert_logged_as_told(own.settings, load.told, CONTENT)
        assert rows(own.settings, "select * from allot.decision_superseded") == []
    finally:
        own.supervisor.end_leftovers()


def test_a_reply_that_is_lost_after_the_commit_writes_once(
    serve: Serve, store_address: str, publisher: Publisher, database: Settings
) -> None:
    publisher.publish("button", buckets=[(3127, 6873)])
    loses = once(b"insert into allot.decision ")
    with lossy_proxy(address_of(database.database_url), loses) as proxy:
        url = through(database, "database_url", proxy.port).database_url.get_secret_value()
        with serve(store_address, database_url=url) as api:
            answer = api.get("/decision", experiment_id="button", unit_id="u")
            assert answer.status_code == 200
            assert proxy.losses == 1
            assert api.metric('allot_log_spooled_total{kind="decision"}') == 1
            eventually(lambda: shipped(api))
    assert list(logged(database)) == [answer.json()["decision_id"]]
    assert rows(database, "select * from allot.decision_superseded") == []


def test_what_is_spooled_survives_the_process_and_is_shipped_by_the_next(
    serve: Serve, store_address: str, publisher: Publisher, database: Settings
) -> None:
    publisher.publish("button", buckets=[(3127, 6873)])
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    with serve(store_address, database_url=nowhere) as api:
        told = [api.get("/decision", experiment_id="button").json() for _ in range(20)]
        assert api.metric('allot_spool_depth{fate="waiting",kind="decision"}') == 20
    with serve(store_address) as api:
        eventually(lambda: shipped(api))
    assert set(logged(database)) == {answer["decision_id"] for answer in told}
    assert_logged_as_told(database, told, CONTENT)


def test_without_database_and_disk_nothing_is_acknowledged(
    serve: Serve, store_address: str, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.publish("button")
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    for spool in (None, tmp_path / "gone"):
        with serve(store_address, database_url=nowhere, serving_spool_dir=spool) as api:
            if spool is not None:
                shutil.rmtree(spool)
            answer = api.get("/decision", experiment_id="button")
            assert answer.status_code == 503
            assert answer.json()["type"] == "urn:allot:problem:unavailable"
            assert answer.headers["retry-after"] == "1"
            assert api.client.get("/health").status_code == 200


async def _poisoned(url: str, poison: dict[str, Any]) -> tuple[Any, list[bytes]]:
    snapshot = compile_snapshot(published("button"))
    lines = [record(decide(snapshot, UNTOLD, Asked(f"u{n}"))) for n in range(9)]
    lines[4] = json.dumps({**json.loads(lines[4]), **poison}).encode()
    sink = Sink(Database(url), DECISIONS)
    try:
        return await sink.insert(lines), await sink.ship(lines)
    finally:
        await sink.close()


def test_the_answer_from_the_log_is_the_answer_that_was_given() -> None:
    shape = {"cells": {"*": [(5000, 5000)] * 2, "vip": [(1, 9999)] * 2}}
    for snapshot in (published("button"), published("slate", **shape)):  # type: ignore[arg-type]
        compiled = compile_snapshot(snapshot)
        for cell in compiled.cells:
            decision = decide(compiled, UNTOLD, Asked("Zoë", cell, None, "request-1"))
            line = json.loads(record(decision))
            assert render_row(line, stale=False) == render(decision, stale=False)


def test_a_poisonous_record_fails_alone(database: Settings) -> None:
    url = database.database_url.get_secret_value()
    poisons: tuple[dict[str, Any], ...] = (
        {"unit": "nul \0"},
        {"version": -1},
        {"decision_id": "no"},
        {"arms": []},
    )
    for poison in poisons:
        fates, refused = asyncio.run(_poisoned(url, poison))
        assert list(fates) == [4]
        assert isinstance(fates[4], Problem)
        assert len(refused) == 1
    assert len(logged(database)) == 4 * 8


def test_two_groups_with_the_same_records_in_opposite_order_never_wait_for_each_other(
    database: Settings,
) -> None:
    def reward(number: int) -> bytes:
        given = {"experiment": "shop", "reward_id": f"r{number}", "arm_id": "a", "value": 1.0}
        return json.dumps({**given, "occurred_us": 0}).encode()

    async def both() -> None:
        url = database.database_url.get_secret_value()
        sinks = [Sink(Database(url), REWARDS) for _ in range(2)]
        for start in range(0, 20_000, 1_000):
            lines = [reward(number) for number in range(start, start + 1_000)]
            await asyncio.gather(sinks[0].insert(lines), sinks[1].insert(lines[::-1]))
        for sink in sinks:
            await sink.close()

    # A deadlock is broken off by PostgreSQL after a second, and would be raised here.
    asyncio.run(both())
    assert rows(database, "select count(*) as n from allot.reward") == [{"n": 20_000}]
