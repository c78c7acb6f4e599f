"""Bring the schema up to date: numbered files once, then every view again."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psycopg import sql
from psycopg.errors import UndefinedTable

from include.settings import Settings
from include.settings import settings as read_settings
from include.stores.reports.connection import Connection, connect

if TYPE_CHECKING:
    from yoyo.backends.base import DatabaseBackend

SQL: Final = Path(__file__).parents[3] / "sql"
# Held by whoever migrates this database; any constant that nobody else uses.
MIGRATION_LOCK: Final = 7_310_579_001
MIGRATION_SECONDS: Final = 120.0
# What people may not read: keys' hashes. A view tells the rest.
SECRET: Final = ("api_key",)

_log = logging.getLogger(__name__)


def migrate(settings: Settings, *, folder: Path = SQL) -> list[str]:
    """Apply the migrations that are missing, then re-apply views and grants.

    Safe to repeat, to interrupt, and to run in several processes at once: the others
    wait for the first. A migration and its mark are one transaction.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    folder
        Folder with ``schema/NNNN_name.sql`` and ``views/*.sql``.

    Returns
    -------
    list of str
        Names of the migrations that this call applied.

    Raises
    ------
    ReportsUnavailableError
        If PostgreSQL cannot be reached.
    psycopg.errors.Error
        If a file is refused; the database stays as it was before that file.
    """
    with (
        connect(settings, statement_seconds=MIGRATION_SECONDS) as connection,
        _only_migrator(connection),
    ):
        applied = _apply_numbered(settings, folder / "schema")
        _apply_views(connection, folder / "views")
        _grant_reader(connection)
        connection.commit()
    return applied


@contextmanager
def _only_migrator(connection: Connection) -> Iterator[None]:
    """Hold a lock that ends with the session, so that a killed migrator leaves none behind."""
    # yoyo migrates over a connection of its own, hence a lock of the session, not the transaction,
    # and no transaction left open, whose schema locks the other connection would wait for.
    connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
    connection.execute("create schema if not exists allot")
    connection.execute("create schema if not exists yoyo")
    connection.commit()
    yield
    connection.execute("select pg_advisory_unlock(%s)", (MIGRATION_LOCK,))


def _apply_numbered(settings: Settings, folder: Path) -> list[str]:
    from yoyo import get_backend, read_migrations

    applied: list[str] = []
    with get_backend(_yoyo_url(settings.database_url.get_secret_value())) as backend:
        # yoyo's own lock is a row that a killed process leaves behind; ours is held here.
        backend.break_lock()
        for migration in backend.to_apply(read_migrations(str(folder))):
            _apply_one(backend, migration)
            applied.append(migration.id)
            _log.info("applied migration %s", migration.id)
    return applied


def _apply_one(backend: "DatabaseBackend", migration: object) -> None:
    """Apply and mark in one transaction; yoyo's own apply marks in a second one."""
    with backend.transaction():
        migration.process_steps(backend, "apply")  # type: ignore[attr-defined]
        backend.mark_one(migration, log=False)


def _apply_views(connection: Connection, folder: Path) -> None:
    """Make every view anew, in one transaction; one that builds on another waits for it."""
    known = connection.execute("select viewname from pg_views where schemaname = 'allot'")
    for (name,) in known.fetchall():
        run = sql.SQL("drop view if exists allot.{} cascade")
        connection.execute(run.format(sql.Identifier(name)))
    waiting = deque(sorted(folder.glob("*.sql")))
    turns = 0
    while waiting:
        path = waiting.popleft()
        try:
            with connection.transaction():
                connection.execute(path.read_bytes())
            turns = 0
        except UndefinedTable:
            waiting.append(path)
            turns += 1
            if turns == len(waiting):
                raise


def _grant_reader(connection: Connection) -> None:
    """Let the read-only role of people see what is no secret in the schema, where it exists."""
    row = connection.execute("select 1 from pg_roles where rolname = 'allot_reader'").fetchone()
    if row is None:
        return
    connection.execute("grant usage on schema allot to allot_reader")
    connection.execute("grant select on all tables in schema allot to allot_reader")
    made = "select tablename from pg_tables where schemaname = 'allot' and tablename = any(%s)"
    for (table,) in connection.execute(made, (list(SECRET),)).fetchall():
        hide = sql.SQL("revoke select on allot.{} from allot_reader")
        connection.execute(hide.format(sql.Identifier(table)))
    connection.execute(
        "alter default privileges in schema allot grant select on tables to allot_reader"
    )


def _yoyo_url(url: str) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), ("schema", "yoyo")])
    return urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, query, ""))


def main() -> None:
    """Migrate the database that the environment names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("yoyo").setLevel(logging.WARNING)
    applied = migrate(read_settings())
    _log.info("schema is up to date; %d migrations applied now", len(applied))


if __name__ == "__main__":
    main()
