"""How records share commits: who waits for whom."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from include.errors import ReportsUnavailableError
from serving.log.journal import GROUP, Journal, Patience
from serving.stores.database import Database
from serving.stores.decisions import DECISIONS
from serving.stores.sink import Fates, Sink
from serving.stores.spool import SUFFIX, Spool

PATIENCE = Patience(deadline=5.0, retry=0.0)


class Watched(Sink):
    """Takes groups without a database, and notes when each came and went."""

    def __init__(self, events: list[str], *, away: bool = False) -> None:
        super().__init__(Database(""), DECISIONS)
        self._events = events
        self._away = away
        self.sizes: list[int] = []

    async def insert(self, lines: Sequence[bytes]) -> Fates:
        self.sizes.append(len(lines))
        number = len(self.sizes)
        self._events.append(f"{number} begins")
        await asyncio.sleep(0.01)
        if self._away:
            raise ReportsUnavailableError("away")
        self._events.append(f"{number} stands")
        return {}


class SlowSpool(Spool):
    """A disk that takes its time."""

    def write(self, lines: Sequence[bytes], suffix: str = SUFFIX) -> None:
        time.sleep(0.1)
        super().write(lines, suffix)


def test_a_group_is_on_its_way_before_the_clients_of_the_one_before_are_told() -> None:
    events: list[str] = []

    async def crowd() -> list[int]:
        writer = Watched(events)
        journal = Journal("decision", writer, None, PATIENCE)
        journal.start()
        crowd = [journal.write(b"{}") for _ in range(GROUP + 1)]
        crowd[0].add_done_callback(lambda _: events.append("1 told"))
        await asyncio.gather(*crowd)
        await journal.stop()
        return writer.sizes

    assert asyncio.run(crowd()) == [GROUP, 1]
    assert events == ["1 begins", "1 stands", "2 begins", "1 told", "2 stands"]


def test_a_record_that_comes_while_the_disk_writes_waits_for_no_other(tmp_path: Path) -> None:
    async def two() -> int:
        spool = SlowSpool(tmp_path)
        journal = Journal("decision", Watched([], away=True), spool, PATIENCE)
        journal.start()
        first = journal.write(b'{"a":1}')
        await asyncio.sleep(0.06)
        assert not first.done()
        await asyncio.wait_for(journal.write(b'{"b":2}'), 5)
        await journal.stop()
        return journal.spooled

    assert asyncio.run(two()) == 2
    assert sorted(Spool(tmp_path).oldest().lines) == [b'{"a":1}', b'{"b":2}']
