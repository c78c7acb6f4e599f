"""What stands in the decision log, compared with what clients were told."""

from collections.abc import Iterable
from typing import Any

from psycopg.rows import dict_row

from include.contract.assignment import assign
from include.contract.weights import WeightsContent
from include.settings import Settings
from include.stores.reports.connection import connect


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def logged(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the decision log by decision id."""
    return {str(row["decision_id"]): row for row in rows(settings, "select * from allot.decision")}


def assert_logged_as_told(
    settings: Settings, told: Iterable[dict[str, Any]], content: WeightsContent
) -> None:
    """Every answer stands in the log as it was given, and can be recomputed from its snapshot."""
    found = logged(settings)
    for answer in told:
        row = found[answer["decision_id"]]
        assert row["arm_ids"][0] == answer["arm_id"]
        assert row["propensity"] == answer["propensity"]
        assert (row["version"], row["content_hash"]) == (
            answer["weights_version"],
            answer["content_hash"],
        )
        drawn = assign(content, row["unit"] or answer["decision_id"], row["cell"])
        assert (row["arm"], row["buckets"][0]) == (drawn.arm, drawn.bucket)
        assert row["shares"][0] / 10_000 == drawn.propensity
