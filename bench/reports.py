"""Every view as a person asks it, over 1,000 experiments with 90 days of batches each.

The rows are made by PostgreSQL itself, with all keys and references of the real ones; the numbers
in them are arbitrary, their count is what matters.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench._report_rows import fill
from include.stores.reports.connection import Connection, connect
from include.stores.reports.migrate import SQL, migrate
from stack.parts.postgres import admin_url
from stack.platform import Stack
from stack.temporary import temporary_config

# Fewer, as ALLOT_BENCH_EXPERIMENTS says, fill faster and ask about as much per experiment.
EXPERIMENTS: Final = int(os.environ.get("ALLOT_BENCH_EXPERIMENTS", "1000"))
BATCHES: Final = 90
TIMES: Final = 5
LIMIT_MS: Final = 200.0
# The last of them; by an even number it has a decision log, by an odd one a foreign log.
ASKED: Final = f"shop-{EXPERIMENTS}"
FOREIGN: Final = f"shop-{EXPERIMENTS - 1}"
SOURCE: Final = "open_bandit-men"
# What is asked about the whole platform.
UNFILTERED: Final = (
    "experiment_overview",
    "experiment_status",
    "recommendations",
    "portfolio",
    "audit_outcome",
)


def main() -> int:
    """Fill, ask and print."""
    with tempfile.TemporaryDirectory(prefix="allot-bench-") as folder:
        stack = Stack(temporary_config(Path(folder) / "stack"))
        stack.up(("postgres",), ("databases",), owner=os.getpid())
        try:
            report(stack)
        finally:
            stack.down()
    return 0


def report(stack: Stack) -> None:
    """Fill the stack's database and time every view."""
    migrate(stack.settings)
    begin = time.perf_counter()
    database = stack.settings.database_url.get_secret_value().rpartition("/")[2]
    fill(admin_url(stack.config, stack.secrets, database), EXPERIMENTS, BATCHES)
    with connect(stack.settings) as connection:
        rows = sizes(connection)
        say(
            f"{EXPERIMENTS} experiments × {BATCHES} batches, {sum(rows.values()) / 1e6:.1f} million"
        )
        say(f"rows, filled in {time.perf_counter() - begin:.0f} s:")
        say(", ".join(f"{table} {count:,}" for table, count in rows.items()) + "\n")
        say(f"{'view':<24} {'asked for':<12} {'rows':>6} {'median ms':>10} {'worst ms':>9}")
        slow = [query for query in queries(connection) if not timed(connection, *query)]
    say(f"limit {LIMIT_MS:g} ms: " + ("kept" if not slow else f"not kept {len(slow)} times"))


def sizes(connection: Connection) -> dict[str, int]:
    """Return how many rows there are in every table that has some, most first."""
    rows = connection.execute(
        "select relname, n_live_tup from pg_stat_user_tables"
        " where schemaname = 'allot' and n_live_tup > 0 order by n_live_tup desc, relname"
    )
    return dict(rows.fetchall())


def queries(connection: Connection) -> list[tuple[str, str, str]]:
    """Return (view, whom it is asked about, statement) for every view."""
    found = []
    for view in sorted(path.stem for path in (SQL / "views").glob("*.sql")):
        names = connection.execute(
            "select column_name from information_schema.columns"
            " where table_schema = 'allot' and table_name = %s",
            (view,),
        ).fetchall()
        columns = {name for (name,) in names}
        every = f"select * from allot.{view}"  # noqa: S608
        if "experiment" in columns:
            found += [
                (view, slug, f"{every} where experiment = '{slug}'") for slug in (ASKED, FOREIGN)
            ]
        elif "source" in columns:
            found.append((view, SOURCE, f"{every} where source = '{SOURCE}'"))
        if view in UNFILTERED or not columns & {"experiment", "source"}:
            found.append((view, "all", every))
    return found


def timed(connection: Connection, view: str, asked: str, query: str) -> bool:
    """Ask some times after a first that warms; print a line, and tell whether it was fast."""
    rows, taken = len(connection.execute(query.encode()).fetchall()), []
    for _ in range(TIMES):
        begin = time.perf_counter()
        connection.execute(query.encode()).fetchall()
        taken.append((time.perf_counter() - begin) * 1000)
    median = statistics.median(taken)
    say(f"{view:<24} {asked:<12} {rows:>6} {median:>10.1f} {max(taken):>9.1f}")
    return median <= LIMIT_MS


def say(line: str) -> None:
    """Print at once, so that a long run shows how far it is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
