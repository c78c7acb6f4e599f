"""Views of guardrails, holds and the API's counts against what was written."""

from datetime import UTC, datetime, timedelta

import pytest

from include.bandit.guardrails.api import error_rate, latency
from include.experiments.guardrails import Guardrails
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.guard_facts import answered
from include.tasks.guard import guard_experiment
from include.tasks.rollback import release, roll_back
from tests.support.declared import registered
from tests.support.guarded import batch_of_log, day, own

pytestmark = pytest.mark.services

NOW = datetime.now(UTC)


def test_every_judgement_is_shown_and_the_newest_is_marked(database: Settings) -> None:
    registered(database, own())
    for refused in (400, 10):
        batch_of_log(database, 0, (0.1, 0.1), refused=refused)
        guard_experiment(database, "shop", dag_run="test")
    with connect(database) as connection:
        rows = connection.execute(
            "select number, newest, action, state, value from allot.guardrails"
            " where guardrail = 'refused_share' order by number"
        ).fetchall()
    assert rows == [(1, False, "hold", "fail", 0.04), (2, True, "proceed", "pass", 0.001)]


def test_holds_are_shown_with_who_and_why(database: Settings) -> None:
    registered(database, own())
    batch_of_log(database, 0, (0.1, 0.1))
    roll_back(database, "shop", to="default", by="ann", why="a doubt")
    release(database, "shop", by="bob", why="it was nothing")
    with connect(database) as connection:
        rows = connection.execute(
            "select in_force, held, by, why, through from allot.publishing_holds order by number"
        ).fetchall()
    assert rows == [
        (False, True, "ann", "a doubt", None),
        (True, False, "bob", "it was nothing", day(0)),
    ]


def count(settings: Settings, process: str, minute: datetime, errors: int, slow: int) -> None:
    with transaction(settings) as connection:
        connection.execute(
            "insert into allot.serving_minute values"
            " (%s, '/decision', %s, 1000, 0, %s, 10, '{0.05, 0.12, 0.25}', %s)",
            (minute, process, errors, [1000 - slow, 0, slow, 0]),
        )


def test_the_api_is_judged_over_all_processes_and_shown_by_hour(database: Settings) -> None:
    minute = NOW.replace(minute=5, second=0, microsecond=0) - timedelta(hours=1)
    count(database, "a" * 12, minute, errors=30, slow=0)
    count(database, "b" * 12, minute, errors=0, slow=140)
    count(database, "b" * 12, minute - timedelta(days=1), errors=900, slow=900)
    with connect(database) as connection:
        found = answered(connection, NOW - timedelta(hours=3), NOW)
        newest = connection.execute(
            "select requests, errors, error_rate, mean_seconds, p50_seconds, p95_seconds"
            " from allot.serving_latency order by hour desc limit 1"
        ).fetchone()
        nothing = answered(connection, NOW + timedelta(days=1), NOW + timedelta(days=2))
    assert (found.requests, found.errors, found.counts) == (2000, 30, (1860, 0, 140, 0))
    assert newest == (2000, 30, 0.015, 0.01, 0.05, 0.25)
    assert error_rate(found, Guardrails()).state == "fail"
    assert latency(found, Guardrails()).state == "fail"
    assert error_rate(nothing, Guardrails()).state == "unknown"
