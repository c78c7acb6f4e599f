"""Save: every database at one instant each, with a manifest, complete or not there at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import StackError
from include.revision import code_revision
from stack.backup.manifest import NAME, NEEDED, Dump, Manifest, digest
from stack.backup.programs import run
from stack.parts.postgres import admin_url
from stack.platform import Stack
from stack.secrets import private_folder, write_private

PART = "postgres"


def backup(stack: Stack, to: Path | None = None) -> Path:
    """Write a backup of the running or stopped stack's databases; return its folder.

    A stack that runs goes on running: every database is dumped from one snapshot of it. Of a
    stopped stack PostgreSQL alone is started, and stopped again.

    Parameters
    ----------
    stack
        Whose databases.
    to
        Folder that gets the backup's own folder; ``backups`` in the state folder when left out.

    Raises
    ------
    StackError
        If there is nothing to back up, or a program of PostgreSQL fails.
    """
    if not (stack.config.folder(PART) / "data").exists():
        raise StackError(f"{stack.config.state_dir} has no database yet: nothing to back up")
    parent = private_folder((to or stack.config.state_dir / "backups").expanduser().absolute())
    now = datetime.now(UTC)
    folder = parent / now.strftime("allot-%Y%m%dT%H%M%S.%fZ")
    draft = private_folder(folder.with_name(f".{folder.name}.draft"))
    try:
        with running_postgres(stack):
            manifest = _dump_all(stack, draft, now)
        write_private(draft / NAME, manifest.model_dump_json(indent=1) + "\n")
        _sync(draft)
        draft.rename(folder)
        _sync(parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


@contextmanager
def running_postgres(stack: Stack) -> Iterator[None]:
    """Have PostgreSQL run, and stop what was started for it."""
    others = stack.supervisor.alive()
    begun = stack.up([PART], [])
    yield
    if begun and not others:
        stack.down()


def _dump_all(stack: Stack, folder: Path, now: datetime) -> Manifest:
    url = admin_url(stack.config, stack.secrets, NEEDED)
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        version, next_xid, snapshot = connection.execute(
            "select current_setting('server_version'),"
            " pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_export_snapshot()"
        ).fetchall()[0]
        known = connection.execute(
            "select datname from pg_database"
            " where not datistemplate and datname <> 'postgres' order by 1"
        ).fetchall()
        dumps = [_dump(stack, folder, name, snapshot) for (name,) in known]
        return Manifest(
            created_at=now.isoformat(timespec="seconds"),
            code_revision=code_revision(stack.settings),
            postgres=version,
            next_xid=next_xid,
            migrations=_names(connection),
            heads=heads(connection),
            rows=row_counts(connection),
            dumps=dumps,
        )


def _dump(stack: Stack, folder: Path, database: str, snapshot: str) -> Dump:
    path = folder / f"{database}.dump"
    # The manifest tells of Allot's own database what exactly this dump holds.
    same = ("--snapshot", snapshot) if database == NEEDED else ()
    run(stack, "pg_dump", "--format=custom", *same, f"--file={path}", database)
    path.chmod(0o600)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return Dump(database=database, file=path.name, bytes=path.stat().st_size, sha256=digest(path))


def _has(connection: psycopg.Connection, table: str) -> bool:
    return connection.execute("select to_regclass(%s)", (table,)).fetchall()[0][0] is not None


def _names(connection: psycopg.Connection) -> list[str]:
    if not _has(connection, "yoyo._yoyo_migration"):
        return []
    found = connection.execute("select migration_id from yoyo._yoyo_migration order by 1")
    return [name for (name,) in found]


def heads(connection: psycopg.Connection) -> dict[str, str]:
    """Return the newest weights version of every experiment, as ``v12 <content hash>``."""
    if not _has(connection, "allot.weights_snapshot"):
        return {}
    found = connection.execute(
        "select distinct on (experiment) experiment, version, content_hash"
        " from allot.weights_snapshot order by experiment, version desc"
    )
    return {experiment: f"v{version} {name}" for experiment, version, name in found}


def row_counts(connection: psycopg.Connection) -> dict[str, int]:
    """Return the number of rows of every table of Allot's own schema."""
    tables = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace('allot')"
        " and relkind = 'r' order by 1"
    ).fetchall()
    count = sql.SQL("select count(*) from allot.{}")
    return {
        name: connection.execute(count.format(sql.Identifier(name))).fetchall()[0][0]
        for (name,) in tables
    }


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
