"""Who asks a view for one experiment has only that one's rows read, however many there are."""

from collections.abc import Iterator
from typing import Any

import pytest

from include.settings import Settings
from include.stores.reports.connection import Connection, connect

pytestmark = pytest.mark.services

CONDITIONS = ("Filter", "Index Cond", "Recheck Cond")
OWNERS = ("experiment", "slug", "source")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _faults(plan: dict[str, Any], owned: set[str]) -> Iterator[str]:
    """Yield where rows of other experiments are read, or left out only after they were."""
    for node in _nodes(plan):
        conditions = " ".join(str(node.get(name, "")) for name in CONDITIONS)
        table = node.get("Relation Name")
        if table in owned and not any(name in conditions for name in OWNERS):
            yield f"{table} is read whole"
        if table is None and "Index Name" not in node and "'shop'" in conditions:
            yield f"{node['Node Type']} leaves the others out late: {conditions}"


def _with_column(connection: Connection, kind: str, columns: tuple[str, ...]) -> set[str]:
    rows = connection.execute(
        "select distinct c.relname from pg_class as c inner join pg_attribute as a"
        " on a.attrelid = c.oid where c.relnamespace = 'allot'::regnamespace"
        " and c.relkind = %s and a.attname = any(%s)",
        (kind, list(columns)),
    )
    return {name for (name,) in rows}


def test_a_view_reads_the_rows_of_the_experiment_that_it_is_asked_for(database: Settings) -> None:
    with connect(database) as connection:
        # Small tables are read whole as the cheapest; it is asked what is possible.
        connection.execute("set enable_seqscan = off")
        owned = _with_column(connection, "r", OWNERS)
        views = sorted(_with_column(connection, "v", ("experiment",)))
        assert len(views) > 30
        faults = []
        for view in views:
            query = f"explain (format json) select * from allot.{view} where experiment = 'shop'"
            [((told,),)] = [connection.execute(query.encode()).fetchall()]
            faults += [f"{view}: {fault}" for fault in _faults(told[0]["Plan"], owned)]
    assert faults == []
