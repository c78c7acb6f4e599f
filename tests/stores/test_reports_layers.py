"""Slices of a layer on a real PostgreSQL: disjoint, fixed, and checked for room."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from include.errors import ExperimentConflictError, ExperimentError
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.layers import hold_out
from include.stores.reports.lifecycle import change_state
from tests.support.declared import registered
from tests.support.guarded import own

pytestmark = pytest.mark.services


def declare(settings: Settings, slug: str, share: float) -> None:
    registered(settings, own(slug=slug, layer={"name": "page", "share": share}))


def slices(settings: Settings) -> list[tuple[str, int, int]]:
    with connect(settings) as connection:
        return connection.execute(
            "select experiment, first, stop from allot.layer_slice order by first, experiment"
        ).fetchall()


def test_experiments_that_come_at_once_get_disjoint_slices(database: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda slug: declare(database, slug, 0.2), "abcd"))
    found = slices(database)
    assert [(first, stop) for _, first, stop in found] == [
        (0, 2000), (2000, 4000), (4000, 6000), (6000, 8000)
    ]  # fmt: skip


def test_a_full_layer_refuses_and_an_archived_experiment_makes_room(database: Settings) -> None:
    declare(database, "one", 0.6)
    with pytest.raises(ExperimentError, match=r"no 50.00% of units left.*held by one 60.00%"):
        declare(database, "two", 0.5)
    with transaction(database) as connection:
        known = connection.execute("select count(*) from allot.experiment").fetchone()
        for state in ("concluded", "archived"):
            change_state(connection, "one", state, changed_by="ann", reason="it is over")
    assert known == (1,), "what was refused left nothing"
    declare(database, "two", 0.5)
    assert slices(database) == [("one", 0, 6000), ("two", 0, 5000)]


def test_a_layer_is_fixed_when_the_experiment_is_created(database: Settings) -> None:
    declare(database, "one", 0.6)
    for layer in ({"name": "page", "share": 0.5}, None):
        with pytest.raises(ExperimentConflictError, match="layer was fixed"):
            registered(database, own(slug="one", layer=layer))
    declare(database, "one", 0.6)


def test_a_holdout_is_a_share(database: Settings) -> None:
    with transaction(database) as connection:
        hold_out(connection, 0.05, by="ann", why="to see what all experiments bring")
        with pytest.raises(ExperimentError, match="no share"):
            hold_out(connection, 5.0, by="ann", why="a slip")
