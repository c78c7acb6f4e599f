"""Exports: everything, in a bounded amount of memory, and nothing that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterator

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.settings import Settings
from include.stores.reports.connection import connect
from serving.reading.sheets import ACTIVE, csv_lines
from tests.support.declared import experiment, observe, registered
from tests.support.served import Api, Serve, eventually

MANY = 100_000
FORMULA = '=cmd|"/C calc"!A0'
HASH = "6d" * 32


@given(st.lists(st.lists(st.text(), min_size=1), min_size=1))
def test_no_text_is_active_and_every_text_comes_back(table: list[list[str]]) -> None:
    shown = list(csv.reader(io.StringIO(csv_lines(table).decode(), newline="")))
    for cells, texts in zip(shown, table, strict=True):
        for cell, text in zip(cells, texts, strict=True):
            assert not cell.startswith(ACTIVE[:-1])
            readable = text.encode("utf-8", "replace").decode()
            assert (cell[1:] if cell.startswith("'") else cell) == readable


def test_numbers_stay_numbers() -> None:
    assert csv_lines([[-1.5, 3, None]]) == b"-1.5,3,\r\n"


@pytest.fixture
def exporting(serve: Serve, store_address: str, database: Settings) -> Iterator[Api]:
    registered(
        database,
        experiment(source={"kind": "decision_log"}, reward={"kind": "bernoulli", "window": "P1D"}),
    )
    with serve(store_address) as api:
        yield api


def _log(database: Settings, count: int) -> None:
    """Write decisions as the API does; every fifth was rewarded."""
    with connect(database) as connection:
        connection.execute("set statement_timeout = 0")
        connection.execute(
            "insert into allot.decision (experiment, decision_id, unit, cell, version,"
            " content_hash, strategy, arms, arm_ids, shares, buckets, decided_at)"
            " select 'shop', md5(n::text)::uuid, case n when 1 then %s else 'u' || n end, '*', 0,"
            " %s, 'thompson', '{0}', '{item-0}', '{3333}', '{17}', now()"
            " from generate_series(1, %s) as n",
            (FORMULA, HASH, count),
        )
        connection.execute(
            "insert into allot.reward (experiment, reward_id, decision_id, value, occurred_at)"
            " select 'shop', 'r' || n, md5(n::text)::uuid, 1, now()"
            " from generate_series(5, %s, 5) as n",
            (count,),
        )


@pytest.mark.services
def test_a_large_log_is_streamed_whole_in_bounded_memory(
    exporting: Api, database: Settings
) -> None:
    _log(database, MANY)
    process = psutil.Process()
    before = process.memory_info().rss
    found = rewarded = largest = 0
    url = "/experiments/shop/export"
    with exporting.client.stream("GET", url, params={"what": "decisions"}) as answer:
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "shop-decisions.csv" in answer.headers["content-disposition"]
        units = []
        for row in csv.DictReader(answer.iter_lines()):
            found += 1
            if found % 1_000 == 0:
                largest = max(largest, process.memory_info().rss - before)
            rewarded += row["reward"] == "1.0"
            units += [row["unit_id"]] if not row["unit_id"].startswith("u") else []
    assert (found, rewarded) == (MANY, MANY // 5)
    assert units == ["'" + FORMULA]
    # Server and client run in this process; all rows as Python's values take over 100 MB.
    assert largest < 40_000_000


@pytest.mark.services
def test_where_exposure_is_declared_the_export_says_what_was_shown(
    exporting: Api, database: Settings
) -> None:
    declared = {"source": {"kind": "decision_log"}, "reward": {"window": "P1D"}}
    registered(database, experiment(**declared, exposure={"window": "PT1H"}))
    _log(database, 4)
    with connect(database) as connection:
        connection.execute(
            "insert into allot.decision (experiment, decision_id, cell, version, content_hash,"
            " strategy, arms, arm_ids, shares, buckets, flag, decided_at) select 'shop',"
            " md5('x')::uuid, '*', 0, content_hash, strategy, arms, arm_ids, '{10000}', '{-1}',"
            " 'excluded', now() from allot.decision limit 1"
        )
        connection.execute(
            "insert into allot.exposure (experiment, decision_id, occurred_at)"
            " select 'shop', decision_id, decided_at + n * interval '1 minute' from allot.decision,"
            " generate_series(1, 2) as n where unit is null or unit in ('u2', 'u3')"
        )
    told = [(row["unit_id"][-1:], row["exposed"]) for row in _export(exporting, "decisions")]
    of_formula = (FORMULA[-1], "false")
    shown = [("2", "true"), ("3", "true")]
    assert sorted(told) == sorted([("", ""), of_formula, ("4", "false"), *shown])


@pytest.mark.services
def test_rewards_and_statistics_are_exported_too(exporting: Api, database: Settings) -> None:
    _log(database, 10)
    observe(database, "2026-01-01", (5, 10, 60))
    rewards = _export(exporting, "rewards")
    assert [row["outcome"] for row in rewards] == ["joined", "joined"]
    statistics = _export(exporting, "statistics")
    assert [(row["arm_id"], row["sum_r"]) for row in statistics] == [
        ("item-0", "5.0"),
        ("item-1", "10.0"),
        ("item-2", "60.0"),
    ]
    assert exporting.get("/experiments/shop/export", what="keys").status_code == 422


@pytest.mark.services
def test_clients_that_leave_free_their_place(exporting: Api, database: Settings) -> None:
    _log(database, 20_000)
    for _ in range(5):
        with exporting.client.stream("GET", "/experiments/shop/export") as answer:
            assert answer.status_code == 200
            next(answer.iter_raw())
        _until_free(exporting)


def _export(api: Api, what: str) -> list[dict[str, str]]:
    answer: httpx.Response = api.get("/experiments/shop/export", what=what)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def _until_free(api: Api) -> None:
    def free() -> bool:
        return api.get("/experiments/shop/export", what="statistics").status_code == 200

    eventually(free)
