"""Migrations against a real PostgreSQL: repeatable, interruptible, by several at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.migrate import SQL, migrate

pytestmark = pytest.mark.services


@pytest.fixture
def empty(database: Settings) -> Settings:
    """A database without a schema."""
    with connect(database) as connection:
        connection.execute("drop schema allot cascade")
        connection.execute("drop schema yoyo cascade")
    return database


def _names(folder: Path = SQL) -> list[str]:
    return sorted(path.stem for path in (folder / "schema").glob("*.sql"))


def test_every_migration_is_applied_once(empty: Settings) -> None:
    assert migrate(empty) == _names()
    assert migrate(empty) == []


def test_migrators_at_once_apply_each_file_once(empty: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: migrate(empty), range(4)))
    assert sorted(name for names in applied for name in names) == _names()


def test_the_command_migrates_what_the_environment_names(empty: Settings) -> None:
    command = [sys.executable, "-m", "include.stores.reports.migrate"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"{len(_names())} migrations applied now" in done.stderr
    assert migrate(empty) == []


def test_a_refused_file_leaves_no_trace_and_can_be_mended(empty: Settings, tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    broken = tmp_path / "schema" / "0001_broken.sql"
    broken.write_text("create table allot.half (a int);\nselect 1 / 0;\n")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, folder=tmp_path)
    broken.write_text("create table allot.half (a int);\n")
    assert migrate(empty, folder=tmp_path) == ["0001_broken"]


def test_a_killed_migrator_leaves_no_lock(empty: Settings) -> None:
    with connect(empty) as connection:
        connection.execute("create schema yoyo")
        connection.execute(
            "create table yoyo.yoyo_lock (locked int primary key, ctime timestamp, pid int)"
        )
        connection.execute("insert into yoyo.yoyo_lock values (1, now(), 1)")
    assert migrate(empty) == _names()


def test_views_are_applied_again_after_a_change(empty: Settings, tmp_path: Path) -> None:
    for folder in ("schema", "views"):
        (tmp_path / folder).mkdir()
    view = tmp_path / "views" / "answer.sql"
    for number in (1, 2):
        view.write_text(f"create or replace view allot.answer as select {number} as number;\n")
        migrate(empty, folder=tmp_path)
        with connect(empty) as connection:
            assert connection.execute("select number from allot.answer").fetchone() == (number,)


def test_every_table_and_column_is_documented(database: Settings) -> None:
    query = """
        select relname, attname, coalesce(
            col_description(c.oid, attnum), obj_description(c.oid, 'pg_class')
        ) is not null and obj_description(c.oid, 'pg_class') is not null
        from pg_class as c
        join pg_namespace as n on n.oid = relnamespace
        join pg_attribute as a on a.attrelid = c.oid and attnum > 0 and not attisdropped
        where nspname = 'allot' and relkind = 'r'
    """
    with connect(database) as connection:
        found = connection.execute(query).fetchall()
    assert len(found) > 50
    assert [name for *name, documented in found if not documented] == []


@pytest.mark.parametrize(
    "table",
    [
        "experiment_revision",
        "arm_statistics",
        "weights_snapshot",
        "weights_batch",
        "allocation_event",
        "posterior_snapshot",
        "allocation",
    ],
)
def test_history_refuses_change_and_removal(database: Settings, table: str) -> None:
    with connect(database) as connection:
        row = connection.execute(
            "select tgtype & 27 from pg_trigger"
            " where tgname = 'immutable' and tgrelid = %s::regclass",
            (f"allot.{table}",),
        ).fetchone()
        # Row trigger (1), before (2), on delete (8) and update (16).
        assert row == (27,)


def test_people_may_read_all_but_secrets_and_write_nothing(database: Settings) -> None:
    query = """
        select relname,
            has_table_privilege('allot_reader', oid, 'select'),
            has_table_privilege('allot_reader', oid, 'insert, update, delete, truncate')
        from pg_class where relnamespace = 'allot'::regnamespace and relkind in ('r', 'v')
    """
    with connect(database) as connection:
        found = connection.execute(query).fetchall()
    assert len(found) > 10
    assert {name for name, reads, _ in found if not reads} == {"api_key"}
    assert not [name for name, _, writes in found if writes]


def test_people_see_the_keys_without_their_hashes(database: Settings) -> None:
    with connect(database) as connection:
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = 'allot.api_keys'::regclass"
            " and attnum > 0"
        ).fetchall()
        hidden = connection.execute(
            "select bool_or(has_column_privilege('allot_reader', attrelid, attnum, 'select'))"
            " from pg_attribute where attrelid = 'allot.api_key'::regclass and attnum > 0"
        ).fetchone()
    assert {name for (name,) in columns} >= {"key_id", "name", "scopes", "experiments"}
    assert "secret_hash" not in {name for (name,) in columns}
    assert hidden == (False,)


def test_views_may_build_on_each_other_whatever_their_names(
    empty: Settings, tmp_path: Path
) -> None:
    for name in ("schema", "views"):
        (tmp_path / name).mkdir()
    (tmp_path / "schema" / "0001_base.sql").write_text("create table allot.base (a int);\n")
    above = tmp_path / "views" / "above.sql"
    above.write_text("create view allot.above as select * from allot.below;\n")
    below = tmp_path / "views" / "below.sql"
    below.write_text("create view allot.below as select 1 as a;\n")
    for _ in range(2):
        migrate(empty, folder=tmp_path)
    below.unlink()
    with pytest.raises(psycopg.errors.UndefinedTable):
        migrate(empty, folder=tmp_path)
    with connect(empty) as connection:
        assert connection.execute("select a from allot.above").fetchone() == (1,)
