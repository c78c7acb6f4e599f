"""Exports and audits read ended transactions; other tests' are of the same PostgreSQL."""

import time

from include.settings import Settings
from include.stores.reports.connection import connect

SECONDS = 60.0


def all_ended(settings: Settings) -> None:
    """Wait until every transaction that had begun has ended, whoever's it is."""
    with connect(settings) as connection:
        (mark,) = connection.execute("select pg_current_xact_id()::text").fetchone() or ("0",)
        connection.commit()
        deadline = time.monotonic() + SECONDS
        ask = "select pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
        while connection.execute(ask, (mark,)).fetchone() != (True,):
            connection.rollback()
            assert time.monotonic() < deadline, "a transaction of another test does not end"
            time.sleep(0.05)
