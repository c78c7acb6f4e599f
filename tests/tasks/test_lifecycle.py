"""Which experiments the DAGs work on, whatever registered them."""

import pytest

from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.decisions import undecided
from include.stores.reports.lifecycle import change_state
from include.stores.reports.weights import history
from include.tasks.evaluate import chosen_experiments
from include.tasks.lifecycle import running
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered

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


def test_an_a_a_experiment_is_updated_and_never_decided_on(database: Settings) -> None:
    registered(database, experiment(slug="one"))
    registered(database, experiment(slug="same", mode="aa"))
    for day, clicks in (("2026-01-01", [1, 2, 90]), ("2026-01-02", [1, 2, 95])):
        observe(database, day, clicks, slug="same")
    assert update_experiment(database, "same").written == (1, 2)
    with transaction(database) as connection:
        assert undecided(connection) == ["one"]
        live = history(connection, "same")
        proposed = connection.execute(
            "select arm_id, proposed, buckets from allot.allocation"
            " where experiment = 'same' and version = 2 order by arm"
        ).fetchall()
    assert {version.content.buckets() for version in live} == {(3334, 3333, 3333)}
    # What the policy would have done is on record all the same.
    assert proposed[2][1] > 0.9
    assert [row[2] for row in proposed] == [3334, 3333, 3333]
