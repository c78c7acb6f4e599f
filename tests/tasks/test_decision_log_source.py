"""An experiment that was created through the API must not hold up the update of the others."""

import pytest

from include.settings import Settings
from include.tasks.update_run import aggregate_experiment, publish_row, update_row
from tests.support.declared import experiment, registered

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


def test_it_keeps_its_declared_shares_until_its_log_is_in_silver(isolated: Settings) -> None:
    registered(isolated, experiment(source={"kind": "decision_log"}))
    row = aggregate_experiment(isolated, "shop")
    assert row["batches"] == 0
    done = publish_row(isolated, update_row(isolated, row, until=None, dag_run="tests"))
    assert (done["versions"], done["live"]) == ([], 0)
