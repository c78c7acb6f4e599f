"""What clients know by arm alone: it moves the belief, is never cut, and no verdict knows it."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.batches import closed_batches, read_rows, read_statistics
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import read
from include.stores.reports.totals import ArmTotal, Posted
from include.tasks.decision_log.totals import fold_totals
from include.tasks.guard_run import guard_row
from include.tasks.update_run import aggregate_experiment, update_row
from tests.support.declared import experiment, sums
from tests.support.logged import rows
from tests.support.shop_log import START, ingest, insert, learn, log, opened, reward

DAY = date(2026, 1, 10)
ARM = "item-0"


def by_rule(posted: Posted, logged: int = 10, **changes: Any) -> tuple[list[ArmTotal], str]:
    """Fold one total where the log holds ten decisions, so many of them clicked."""
    declared: Experiment = experiment(source={"kind": "decision_log"}, **changes)
    totals, [(_, outcome)] = fold_totals(declared, [posted], sums([logged] * 3, 10))
    return totals, outcome


def test_rewards_by_arm_add_rewards_and_no_decisions() -> None:
    found = by_rule(Posted(ARM, rewards=3, sum_r=3.0, sum_r2=3.0), logged=7)
    assert found == ([ArmTotal(0, 0, 3.0, 3.0)], "counted")


def test_more_rewards_than_decisions_are_refused_as_a_whole() -> None:
    assert by_rule(Posted(ARM, rewards=4, sum_r=4.0, sum_r2=4.0), logged=7) == ([], "impossible")
    assert by_rule(Posted(ARM, 5, 6.0), logged=0) == ([], "impossible")
    assert by_rule(Posted(ARM, 5, 2.5), logged=0) == ([], "impossible")
    assert by_rule(Posted(ARM, 5, -1.0), logged=5) == ([], "impossible")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"arms": ["other", "item-1", "item-2"]}, "unknown_arm"),
        ({"positions": 2}, "several_positions"),
        ({"memory": {"stratified": True}}, "no_propensity"),
        ({"reward": {"kind": "real"}}, "no_spread"),
    ],
)
def test_what_a_total_cannot_tell_is_said(changes: dict[str, Any], outcome: str) -> None:
    assert by_rule(Posted(ARM, 5, 2.0), logged=0, **changes) == ([], outcome)


def test_rewards_of_an_arm_that_nobody_was_shown_are_refused() -> None:
    declared = experiment(source={"kind": "decision_log"})
    _, [(_, outcome)] = fold_totals(declared, [Posted(ARM, 0, 0.0, 1, 1.0, 1.0)], [])
    assert outcome == "no_decisions"


def test_bounded_totals_have_the_widest_spread_that_they_allow() -> None:
    bounded = {"kind": "bounded", "lower": 1, "upper": 3}
    found, _ = by_rule(Posted(ARM, 4, 8.0), reward=bounded)
    assert found == [ArmTotal(0, 4, 8.0, 2 * 1.0**2 + 2 * 3.0**2)]
    assert by_rule(Posted(ARM, 4, 13.0), reward=bounded) == ([], "impossible")


def post(settings: Settings, decisions: int, rewards: float, arm: str = "item-1") -> None:
    insert(
        settings,
        "daily_total",
        {
            "experiment": "shop", "day": DAY, "arm_id": arm, "decisions": decisions,
            "rewards": rewards, "updated_by": "tests",
        },
    )  # fmt: skip


def believed(settings: Settings) -> tuple[list[float], list[float]]:
    """Return decisions and rewards by arm as the posterior reads them."""
    with transaction(settings) as connection:
        declared = read(connection, "shop").experiment
        closed = closed_batches(connection, declared)
        found = read_statistics(connection, declared, closed)["*"]
    return (
        np.add.reduce(found.n[:, 0], 0).tolist(),
        np.add.reduce(found.sum_r[:, 0], 0).tolist(),
    )


def inferred(settings: Settings) -> float:
    """Return the rewards that verdicts are made from."""
    with transaction(settings) as connection:
        declared = read(connection, "shop").experiment
        closed = closed_batches(connection, declared)
        found = read_rows(connection, declared, closed)
    return sum(row.sum_r for _, batch in found for row in batch)


@pytest.mark.services
@pytest.mark.xdist_group("services")
def test_totals_reach_the_posterior_and_no_verdict(isolated: Settings) -> None:
    shop = opened(isolated, batch="P1D")
    for minute in range(6):
        log(shop, minute, f"u{minute}", arm=minute % 3)
    reward(shop, 5, arm_id="item-0")
    reward(shop, 6, arm_id="item-0")
    for _ in range(3):
        reward(shop, 6, arm_id="item-2")
    post(shop, 40, 30)
    ingest(shop)
    assert learn(shop) == [1]
    assert believed(shop) == ([2, 42, 2], [2.0, 30.0, 0.0])
    assert inferred(shop) == 0.0
    told = rows(shop, "select arm_id, outcome from allot.total_outcome order by arm_id")
    assert [row["outcome"] for row in told] == ["counted", "counted", "impossible"]
    assert learn(shop) == [], "nothing new, nothing published"
    # A correction restates; what was published stays recomputable from its own rows.
    post(shop, 50, 10)
    assert learn(shop) == [2]
    assert believed(shop) == ([2, 52, 2], [2.0, 10.0, 0.0])
    kept = rows(
        shop,
        "select w.version, t.n, t.sum_r from allot.weights_batch as w inner join"
        " allot.total_statistics as t using (experiment, batch_id, statistics_hash)"
        " where t.arm = 1 order by 1",
    )
    assert [tuple(row.values()) for row in kept] == [(1, 40, 30.0), (2, 50, 10.0)]


@pytest.mark.services
@pytest.mark.xdist_group("services")
def test_totals_alone_are_learned_from_and_rewards_by_arm_survive_the_log(
    isolated: Settings,
) -> None:
    shop = opened(isolated)
    for arm in range(3):
        post(shop, 100, 10 * arm, f"item-{arm}")
    ingest(shop)
    row = aggregate_experiment(shop, "shop")
    row = guard_row(shop, row, until=None, dag_run="tests")
    assert update_row(shop, row, until=None, dag_run="tests")["versions"] == [1]
    assert believed(shop) == ([100, 100, 100], [0.0, 10.0, 20.0])
    late = START.replace(hour=23, minute=55) - START
    reward(shop, late / timedelta(minutes=1), arm_id="item-0")
    ingest(shop)
    with connect(shop) as connection:
        connection.execute("delete from allot.reward")
    assert learn(shop) == [2]
    assert believed(shop) == ([100, 100, 100], [1.0, 10.0, 20.0])
