"""Only what the lake has and an audit passed leaves the log; compaction changes no row."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.weights import history
from include.tasks.audit.run import audit_experiment
from include.tasks.retention.run import clean_spool, compact_lake, retain_log
from tests.support.decided import drawn, log_decisions, write
from tests.support.declared import experiment, registered
from tests.support.logged import rows


@pytest.fixture
def aged(database: Settings) -> Settings:
    """A log of which a part was written 100 days ago."""
    registered(database, experiment())
    with transaction(database) as connection:
        (head,) = history(connection, "shop")
    log_decisions(database, head, [f"old {number}" for number in range(20)])
    with connect(database) as connection:
        connection.execute(
            "insert into allot.reward (experiment, reward_id, decision_id, value, occurred_at)"
            " select experiment, 'r' || unit, decision_id, 1, decided_at from allot.decision"
        )
        connection.execute(
            "insert into allot.exposure (experiment, decision_id, occurred_at)"
            " select experiment, decision_id, decided_at from allot.decision"
        )
        for table in ("decision", "reward", "exposure"):
            connection.execute(f"alter table allot.{table} disable trigger user".encode())
            connection.execute(
                f"update allot.{table} set received_at = now() - interval '100 days'".encode()
            )
            connection.execute(f"alter table allot.{table} enable trigger user".encode())
    write(database, [drawn(head, "new", "new")])
    return database


def exported(settings: Settings, number_in_silver: int) -> None:
    """Say that everything written so far was exported, and up to where silver has it."""
    with connect(settings) as connection:
        connection.execute(
            "insert into allot.log_export (experiment, number, from_xid, to_xid, done_at) values"
            " ('shop', 1, '0', pg_current_xact_id(), now())"
        )
        connection.execute(
            "insert into allot.log_progress (experiment, number, covered_until)"
            " values ('shop', %s, now())",
            (number_in_silver,),
        )


def counts(settings: Settings) -> tuple[int, int]:
    (row,) = rows(
        settings,
        "select (select count(*) from allot.decision) as d,"
        " (select count(*) from allot.reward) as r",
    )
    return row["d"], row["r"]


@pytest.mark.services
def test_what_is_old_exported_and_audited_goes_and_nothing_else(aged: Settings) -> None:
    def removes(*, dry_run: bool = False) -> tuple[int, int, int]:
        row = retain_log(aged, "shop", dry_run=dry_run)
        return row["decisions"], row["rewards"], row["exposures"]

    assert removes() == (0, 0, 0), "neither exported nor audited"
    audit_experiment(aged, "shop")
    assert removes() == (0, 0, 0), "not exported"
    exported(aged, 0)
    assert removes() == (0, 0, 0), "exported, but not in silver"
    with connect(aged) as connection:
        connection.execute("update allot.log_progress set number = 1")
    assert removes(dry_run=True) == (20, 20, 20)
    assert counts(aged) == (21, 20)
    assert removes() == (20, 20, 20)
    assert counts(aged) == (1, 0)
    assert rows(aged, "select 1 from allot.exposure") == []
    assert removes() == (0, 0, 0)
    (record,) = rows(aged, "select decisions, rewards, exposures, superseded from allot.retention")
    assert record == {"decisions": 20, "rewards": 20, "exposures": 20, "superseded": 0}


@pytest.mark.services
def test_what_no_audit_passed_stays(aged: Settings) -> None:
    exported(aged, 1)
    with connect(aged) as connection:
        connection.execute("alter table allot.decision disable trigger user")
        connection.execute("update allot.decision set shares = '{1}' where unit = 'old 3'")
    audit_experiment(aged, "shop")
    retain_log(aged, "shop", dry_run=False)
    assert counts(aged) == (21, 20)


@pytest.mark.services
def test_compaction_leaves_every_row_and_the_version_before(lake: Settings) -> None:
    import polars as pl
    from deltalake import write_deltalake

    from include.stores.lake.delta import open_table
    from include.stores.lake.item_features import (
        FEATURES,
        ITEM_FEATURES,
        read_item_features,
        replace_item_features,
    )

    def items(arm: int) -> pl.DataFrame:
        row = {"arm": [arm], FEATURES[0]: [0.5], **{name: ["x"] for name in FEATURES[1:]}}
        return pl.DataFrame(row, schema_overrides={"arm": pl.Int16})

    replace_item_features(lake, "shop", "random", items(0))
    for arm in range(1, 6):
        named = items(arm).with_columns(source=pl.lit("shop"), behavior_policy=pl.lit("random"))
        rows_of = named.to_arrow(compat_level=pl.CompatLevel.oldest())
        write_deltalake(open_table(lake, ITEM_FEATURES), rows_of, mode="append")
    before = open_table(lake, ITEM_FEATURES)
    kept = read_item_features(lake, "shop", "random")
    assert compact_lake(lake, dry_run=True) == {"item_features": 1}
    assert compact_lake(lake, dry_run=False) == {"item_features": 6}
    after = open_table(lake, ITEM_FEATURES)
    assert len(after.file_uris()) == 1
    assert read_item_features(lake, "shop", "random").equals(kept)
    assert kept["arm"].to_list() == list(range(6))
    assert compact_lake(lake, dry_run=False) == {"item_features": 0}
    assert len(open_table(lake, ITEM_FEATURES, before.version()).file_uris()) == 6


def test_a_file_that_waits_is_never_deleted(tmp_path: Path, settings_for: Any) -> None:
    ages = {"a.spool": 9_000, "b.refused": 500, "c.refused": 1, "d.tmp": 2, "e.tmp": 0}
    for name, days in ages.items():
        path = tmp_path / name
        path.touch()
        then = time.time() - days * 86_400 - 60
        os.utime(path, (then, then))
    chosen = settings_for(tmp_path)
    assert clean_spool(chosen, dry_run=True) == 2
    assert len(list(tmp_path.iterdir())) == 5
    assert clean_spool(chosen, dry_run=False) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.spool", "c.refused", "e.tmp"]


@pytest.fixture
def settings_for() -> Any:
    def make(folder: Path) -> Settings:
        names = ("s3_endpoint", "s3_access_key", "s3_secret_key", "mlflow_url", "airflow_url")
        urls = ("database_url", "store_url", "serving_url")
        given = dict.fromkeys((*names, *urls), "x")
        return Settings.model_validate({**given, "serving_spool_dir": folder})

    return make
