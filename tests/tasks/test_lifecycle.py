"""Which experiments the DAGs work on, whatever registered them."""

import pytest

from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.lifecycle import change_state
from include.tasks.evaluate import chosen_experiments
from include.tasks.lifecycle import running
from tests.support.declared import experiment, registered

pytestmark = pytest.mark.services


def test_what_does_not_run_is_left_out_with_its_reason(database: Settings) -> None:
    for slug in ("one", "two", "three"):
        registered(database, experiment(slug=slug))
    with transaction(database) as connection:
        change_state(connection, "two", "paused", changed_by="ann", reason="a holiday")
        for state in ("concluded", "archived"):
            change_state(connection, "three", state, changed_by="ann", reason="it is over")
    assert running(database) == (
        ["one"],
        {"two": "paused: a holiday", "three": "archived: it is over"},
    )
    assert chosen_experiments(database, []) == ["one"]
    # What a person asks for by name is worked on.
    assert chosen_experiments(database, ["two"]) == ["two"]
