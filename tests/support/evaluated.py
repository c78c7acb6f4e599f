"""A shop with a random and a skewed log, evaluated: what several tests look at."""

from typing import Any, Final

from psycopg.rows import dict_row

from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.evaluate import EvaluationReport, evaluate_experiment
from tests.support.declared import experiment, registered
from tests.support.silver import skewed_log, uniform_log, write_silver

RATES: Final = (0.2, 0.4, 0.6)
SHARES: Final = (0.6, 0.3, 0.1)
SOURCE: Final = "open_bandit-men"
RANDOM: Final = uniform_log(RATES)
BTS: Final = skewed_log(RATES, SHARES)


def feed_shop(settings: Settings) -> None:
    """Register the shop and write both of its logs."""
    registered(settings, experiment())
    write_silver(settings, RANDOM, SOURCE, "random")
    write_silver(settings, BTS, SOURCE, "bts")


def evaluate_shop(settings: Settings, **changes: Any) -> EvaluationReport:
    """Evaluate it, as a person would by hand."""
    given = {"dag_run": "manual", "code_revision": "abc", **changes}
    return evaluate_experiment(settings, "shop", **given)


def rows_of(settings: Settings, table: str) -> list[dict[str, Any]]:
    """Return the rows of a report table, in a fixed order."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"select * from allot.{table}".encode()).fetchall()
    return sorted(rows, key=lambda row: str(sorted(row.items())))


def shares_of(settings: Settings, version: int, slot: int = 0) -> list[float]:
    """Return the shares that a version of the shop published, per arm."""
    with connect(settings) as connection:
        found = connection.execute(
            "select share from allot.allocation where experiment = 'shop' and version = %s"
            " and slot = %s order by arm",
            (version, slot),
        ).fetchall()
    return [float(share) for (share,) in found]
