"""Fill a database with the rows of many experiments, fast: by sets, and the indexes afterwards."""

import re
from pathlib import Path
from typing import Final

import psycopg

from include.stores.reports.connection import Connection

FILL: Final = Path(__file__).parent / "reports.sql"
# For a server that goes away with the bench: nothing needs to outlive a crash, and checking every
# row would take most of the time.
HASTY: Final = (
    "alter system set fsync = off",
    "alter system set full_page_writes = off",
    "alter system set autovacuum = off",
    "alter system set max_wal_size = '16GB'",
    "select pg_reload_conf()",
    "set session_replication_role = replica",
    "set synchronous_commit = off",
    "set work_mem = '256MB'",
    "set maintenance_work_mem = '1GB'",
)
# Tables that no other refers to hold nearly all rows.
LEAVES: Final = """
with leaf as (
    select c.oid from pg_class as c
    where c.relnamespace = 'allot'::regnamespace and c.relkind = 'r'
    and not exists (select from pg_constraint as f where f.confrelid = c.oid)
)
"""
KEYS: Final = """
select c.conrelid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)
from pg_constraint as c inner join leaf on c.conrelid = leaf.oid where c.contype in ('p', 'u')
"""
INDEXES: Final = """
select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
from pg_index as i inner join leaf on i.indrelid = leaf.oid
"""


def fill(address: str, experiments: int, batches: int) -> None:
    """Make the rows of all tables that views read, as the cluster's owner."""
    text = FILL.read_text("utf-8")
    for name, value in (("experiments", experiments), ("batches", batches)):
        text = text.replace(f"%({name})s", str(value))
    with psycopg.connect(address, autocommit=True) as connection:
        for setting in HASTY:
            connection.execute(setting)
        again = [*without_checks(connection), *without_indexes(connection)]
        for statement in re.split(r";\n", text):
            connection.execute(statement.encode())
        for statement in again:
            connection.execute(statement.encode())
        connection.execute("vacuum analyze")


def without_checks(connection: Connection) -> list[str]:
    """Drop what names and hashes must look like; return what brings it back for later rows."""
    found = connection.execute(
        "select c.contypid::regtype::text, quote_ident(c.conname), pg_get_constraintdef(c.oid)"
        " from pg_constraint as c where c.contype = 'c' and c.contypid <> 0"
        " and c.connamespace = 'allot'::regnamespace"
    ).fetchall()
    for domain, name, _ in found:
        connection.execute(f"alter domain {domain} drop constraint {name}".encode())
    return [
        f"alter domain {domain} add constraint {name} {told} not valid"
        for domain, name, told in found
    ]


def without_indexes(connection: Connection) -> list[str]:
    """Drop the indexes of most rows, made faster than kept; return what makes them again."""
    keys = connection.execute(f"{LEAVES}{KEYS}".encode()).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    indexes = connection.execute(f"{LEAVES}{INDEXES}".encode()).fetchall()
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    made = [f"alter table {table} add constraint {name} {told}" for table, name, told in keys]
    return made + [told for _, told in indexes]
