"""SIGKILL at every joint of the way to the weights, and two at once: as if undisturbed."""

import signal
import subprocess
import sys
from typing import Any

import polars as pl
import pytest

from include.settings import Settings
from include.stores.reports.connection import connect
from tests.support.declared import experiment, registered
from tests.support.ledger import in_silver, refused
from tests.support.logged import rows
from tests.support.shop_log import DECLARED, ingest, learn, log, opened, reward, show

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]
STEPS = """
from include.settings import settings
from include.tasks.decision_log.export import export_log
from include.tasks.decision_log.silver import make_silver
from include.tasks.update_run import aggregate_experiment, update_row

done = export_log(settings(), "shop")
make_silver(settings(), "shop", done.covered_until)
row = aggregate_experiment(settings(), "shop")
update_row(settings(), row, until=None, dag_run="tests")
"""
KILLED = """
import os, signal
from importlib import import_module

*path, name = {place!r}.split(":")
owner = import_module(path[0])
for part in path[1:]:
    owner = getattr(owner, part)
work, calls = getattr(owner, name), []

def work_and_die(*given, **named):
    done = work(*given, **named)
    calls.append(name)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return done

setattr(owner, name, work_and_die)
"""
SHOWN: dict[str, Any] = {"exposure": {"window": "PT20M"}}
CURRENT = (
    "natural join (select experiment, batch_id, statistics_hash from allot.batch_statistics"
    " where superseded_at is null) as now"
)
# Right after the n-th call of these, by module and name.
JOINTS = (
    ("include.tasks.decision_log.export:next_range", 1),
    ("include.tasks.decision_log.export:put_records", 1),
    ("include.tasks.decision_log.export:write_bronze_object", 3),
    ("include.stores.lake.replacement:Replacement:write", 2),
    ("include.tasks.decision_log.batch:BatchReplacement:commit", 1),
    ("include.tasks.decision_log.batch:write_batch", 2),
    ("include.tasks.decision_log.totals:note_arm_rewards", 1),
    ("include.stores.reports.statistics:mark_current", 1),
    ("include.stores.reports.statistics:write_batch_statistics", 1),
    ("include.tasks.decision_log.aggregate:mark_aggregated", 1),
    ("include.tasks.update:insert_snapshot", 1),
)


def fill(settings: Settings) -> None:
    """Write thirty decisions in three batches, clicks by decision, unit and arm, and one outlaw.

    Of the decisions one in seven was not shown, and some were twice.
    """
    for minute in range(29):
        name = log(settings, minute, f"u{minute % 6}", arm=minute % 3)
        if minute % 4 == 0:
            reward(settings, minute + 1, decision_id=name)
        for again in range(0 if minute % 7 == 6 else 1 + minute % 2):
            show(settings, minute + again, name)
    for late in (3.5, 14.5):
        reward(settings, late, unit="u3")
    reward(settings, 8, arm_id="item-1")
    log(settings, 29, "outlaw", content_hash="0" * 64)


def mirrored(settings: Settings) -> None:
    """Declare ``twin`` like ``shop``, with the same log, and bring it in undisturbed."""
    registered(settings, experiment(**DECLARED, **SHOWN, slug="twin"))
    with connect(settings) as connection:
        for table in ("decision", "reward", "exposure"):
            names = [
                row[0]
                for row in connection.execute(
                    "select column_name from information_schema.columns where is_generated ="
                    " 'NEVER' and table_schema = 'allot' and table_name = %s"
                    " and column_name not in ('experiment', 'received_xid')",
                    (table,),
                )
            ]
            listed = ", ".join(names)
            chosen = listed.replace(
                "content_hash",
                "case when content_hash = (select content_hash from allot.weights_snapshot where"
                " experiment = 'shop' and version = 0) then (select content_hash from"
                " allot.weights_snapshot where experiment = 'twin' and version = 0)"
                " else content_hash end",
            )
            connection.execute(
                f"insert into allot.{table} (experiment, {listed})"
                f" select 'twin', {chosen} from allot.{table} where experiment = 'shop'".encode()
            )
    ingest(settings, "twin")
    learn(settings, "twin")


def started(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code])


def learned(settings: Settings, slug: str) -> list[dict[str, Any]]:
    """Return all that follows from the log, without what names the experiment."""
    tables = {
        "log_batch": "batch_id, decisions, rows_in, rows_silver, rewards_joined, versions",
        "log_refusal": "batch_id, expectation, arm, rows",
        "log_arm": "batch_id, policy, position, arm, decisions, exposed, unexposed_rewards",
        "log_arm_reward": "batch_id, arm_id, rewards, sum_r, sum_r2",
        "total_outcome": "batch_id, arm_id, rewards, sum_r, outcome",
        "weights_snapshot": "version, batch_id",
        "allocation": "version, slot, arm, buckets, best_probability",
        "posterior_snapshot": "version, slot, arm, n, sum_r, mean, sd",
        f"arm_statistics {CURRENT}": "batch_id, version, arm, n, decisions, sum_r, sum_ip",
        f"total_statistics {CURRENT}": "batch_id, arm, n, sum_r, sum_r2",
    }
    return [
        {"table": table, **row}
        for table, names in tables.items()
        for row in rows(
            settings,
            f"select {names} from allot.{table} where experiment = '{slug}' order by {names}",
        )
    ]


def silver(settings: Settings, slug: str) -> pl.DataFrame:
    return in_silver(settings, slug).drop("source")


def test_killed_anywhere_and_twice_at_once_it_ends_as_if_undisturbed(isolated: Settings) -> None:
    shop = opened(isolated, **SHOWN)
    fill(shop)
    for place, call in JOINTS:
        killed = started(KILLED.format(place=place, call=call) + STEPS)
        assert killed.wait(timeout=120) == -signal.SIGKILL, place
    late = log(shop, 29.5, "late", arm=1)
    reward(shop, 29.6, decision_id=late)
    show(shop, 29.7, late)
    both = [started(STEPS) for _ in range(2)]
    codes = [each.wait(timeout=120) for each in both]
    assert 0 in codes, "of two that meet one may be told to repeat, but not both"
    ingest(shop)
    learn(shop)
    mirrored(shop)
    assert silver(shop, "shop").equals(silver(shop, "twin"))
    assert learned(shop, "shop") == learned(shop, "twin")
    ids = {str(row["decision_id"]) for row in rows(shop, "select decision_id from allot.decision")}
    assert ids == set(silver(shop, "shop")["decision_id"]) | set(refused(shop, "shop"))
    assert silver(shop, "shop").height == 30
    assert silver(shop, "shop")["exposed"].sum() == 26
    assert ingest(shop)[1].batches == []
    assert learn(shop) == []


def test_a_batch_made_piece_by_piece_is_the_same(
    isolated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opened(isolated, **SHOWN)
    fill(shop)
    mirrored(shop)
    # Of ten decisions a batch.
    monkeypatch.setattr("include.tasks.decision_log.silver.ROWS_AT_ONCE", 3)
    ingest(shop)
    learn(shop)
    assert silver(shop, "shop").equals(silver(shop, "twin"))
    assert learned(shop, "shop") == learned(shop, "twin")
    hashes = rows(
        shop,
        "select batch_id, count(distinct content_hash) as hashes, count(*) as made"
        " from allot.log_batch group by batch_id",
    )
    assert [(row["hashes"], row["made"]) for row in hashes] == [(1, 2)] * 3
