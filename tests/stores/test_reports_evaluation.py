"""Evaluation rows against a real PostgreSQL: one set per evaluation, whatever is repeated."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from include.contract.canonical import Json
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.evaluation import (
    TABLES,
    EvaluationHead,
    point_to_run,
    replace_evaluation,
)
from tests.support.declared import experiment, registered

pytestmark = pytest.mark.services

HEAD = EvaluationHead(
    experiment="shop",
    batch_id="2019-11-25",
    statistics_hash="a" * 64,
    method="evaluation/1",
    weights_version=0,
    lake_version=3,
    code_revision="abc",
    dag_run="manual",
)
LOG: dict[str, Json] = {"log": "random", "policy": "uniform", "level": 0.95}


def _point(day: str, clicks: float) -> dict[str, Json]:
    return {
        **LOG,
        "up_to_batch": day,
        "rows_read": 10,
        "rows_kept": 5,
        "clicks": clicks,
        "mean_reward": clicks / 5,
        "lo": 0.0,
        "hi": 1.0,
    }


def _tables(**changes: list[dict[str, Json]]) -> dict[str, list[dict[str, Json]]]:
    return {**{table: [] for table in TABLES}, **changes}


def _replace(settings: Settings, head: EvaluationHead, *points: dict[str, Json]) -> dict[str, int]:
    with transaction(settings) as connection:
        return replace_evaluation(connection, head, _tables(learning_point=list(points)))


def _stored(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with connect(settings) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def shop(database: Settings) -> Settings:
    registered(database, experiment())
    return database


CURVE = "select batch_id, up_to_batch, clicks from allot.learning_point order by 1, 2"


def test_the_same_again_leaves_one_set_of_rows(shop: Settings) -> None:
    points = [_point("2019-11-24", 1.0), _point("2019-11-25", 2.0)]
    assert _replace(shop, HEAD, *points) == _replace(shop, HEAD, *points)
    assert _stored(shop, CURVE) == [
        ("2019-11-25", "2019-11-24", 1.0),
        ("2019-11-25", "2019-11-25", 2.0),
    ]
    assert _stored(shop, "select count(*) from allot.evaluation") == [(1,)]


def test_rows_that_an_evaluation_no_longer_has_are_deleted(shop: Settings) -> None:
    _replace(shop, HEAD, _point("2019-11-24", 1.0), _point("2019-11-25", 2.0))
    _replace(shop, HEAD, _point("2019-11-25", 3.0))
    assert _stored(shop, CURVE) == [("2019-11-25", "2019-11-25", 3.0)]


def test_another_evaluation_is_left_alone(shop: Settings) -> None:
    later = replace(HEAD, batch_id="2019-11-26", statistics_hash="b" * 64)
    _replace(shop, HEAD, _point("2019-11-25", 1.0))
    _replace(shop, later, _point("2019-11-26", 2.0))
    _replace(shop, HEAD)
    assert _stored(shop, CURVE) == [("2019-11-26", "2019-11-26", 2.0)]


def test_two_at_once_end_as_one(shop: Settings) -> None:
    points = [_point(f"2019-11-{day}", float(day)) for day in range(10, 30)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(_replace, shop, HEAD, *points) for _ in range(8)]:
            done.result()
    assert _stored(shop, "select count(*), sum(clicks) from allot.learning_point") == [(20, 390.0)]


def test_a_failure_leaves_what_was_there(shop: Settings) -> None:
    _replace(shop, HEAD, _point("2019-11-25", 1.0))
    with pytest.raises(psycopg.errors.CheckViolation):
        _replace(shop, HEAD, {**_point("2019-11-25", 2.0), "rows_kept": 11})
    assert _stored(shop, CURVE) == [("2019-11-25", "2019-11-25", 1.0)]


def test_not_a_number_is_refused(shop: Settings) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        _replace(shop, HEAD, _point("2019-11-25", float("nan")))


def test_a_forgotten_table_is_an_error(shop: Settings) -> None:
    with transaction(shop) as connection, pytest.raises(KeyError, match="policy_value"):
        replace_evaluation(connection, HEAD, {})


def test_there_is_one_pointer_per_report(shop: Settings) -> None:
    key = {"experiment": "shop", "batch_id": "2019-11-25", "statistics_hash": "a" * 64}
    for run in ("one", "two"):
        with transaction(shop) as connection:
            point_to_run(connection, {**key, "kind": "evaluation"}, run_id=run, url="http://x")
    assert _stored(shop, "select run_id from allot.tracking_run") == [("two",)]
