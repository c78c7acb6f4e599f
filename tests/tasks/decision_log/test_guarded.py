"""Guardrails on the real log: what it holds against a batch, and what it does not."""

import pytest

from include.settings import Settings
from include.tasks.decide.follow import decide_row, end_row
from include.tasks.guard import GuardReport, guard_experiment
from include.tasks.publish import publish_experiment
from include.tasks.update import update_experiment
from include.tasks.update_run import aggregate_experiment
from tests.support.declared import registered
from tests.support.guarded import batch_of_log, own, validated
from tests.support.logged import rows
from tests.support.shop_log import ingest, log, opened, reward

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("services")]


def guarded(shop: Settings) -> GuardReport:
    ingest(shop)
    aggregate_experiment(shop, "shop")
    return guard_experiment(shop, "shop", dag_run="tests")


def test_decisions_that_are_declared_left_out_are_not_held_against_the_log(
    isolated: Settings,
) -> None:
    shop = opened(isolated, reward={"kind": "bernoulli", "window": "PT30M", "missing": None})
    ids = [log(shop, minute / 2, f"u{minute}", arm=minute % 3) for minute in range(18)]
    for at, name in enumerate(ids[:6]):
        reward(shop, at + 1, value=float(at % 2), decision_id=name)
    report = guarded(shop)
    [batch] = rows(shop, "select rows_in, rows_silver, rows_quarantined from allot.log_batch")
    assert batch == {"rows_in": 18, "rows_silver": 6, "rows_quarantined": 12}
    assert report.action == "proceed", report.explanation
    assert update_experiment(shop, "shop", guarded=True).written == (1,)


@pytest.mark.parametrize(("wrong", "action"), [(0, "proceed"), (3, "hold")])
def test_rewards_of_another_kind_than_declared_move_no_weight(
    isolated: Settings, wrong: int, action: str
) -> None:
    shop = opened(isolated)
    ids = [log(shop, minute / 2, f"u{minute}", arm=minute % 3) for minute in range(18)]
    for at, name in enumerate(ids[:10]):
        reward(shop, at + 1, value=4.5 if at < wrong else 1.0, decision_id=name)
    report = guarded(shop)
    assert report.action == action, report.explanation
    written = update_experiment(shop, "shop", guarded=True).written
    assert written == ((1,) if action == "proceed" else ())


def test_no_experiment_ends_by_itself_on_a_batch_that_did_not_pass(isolated: Settings) -> None:
    registered(isolated, own(verdict={"minimum_days": 1, "ship": "automatic"}))
    publish_experiment(isolated, "shop")
    for number in range(4):
        batch_of_log(isolated, number, (0.10, 0.20), refused=500 * (number == 3))
        guard_experiment(isolated, "shop", dag_run="tests")
        update_experiment(isolated, "shop", guarded=True)
    row = decide_row(isolated, "shop", dag_run="tests")
    assert (row["kind"], row["automatic"]) == ("ship", True)
    assert not end_row(isolated, row, dag_run="tests")
    # Mended and validated again, it passes.
    validated(isolated, 3, 10_000, 0)
    guard_experiment(isolated, "shop", dag_run="tests")
    assert end_row(isolated, row, dag_run="tests")
