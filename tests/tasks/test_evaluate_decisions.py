"""Evaluation of the API's own decisions: one log of many versions, and units that come again."""

from typing import Any

import numpy as np
import pytest
from psycopg.rows import dict_row

from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.evaluate import evaluate_experiment
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.evaluated import RATES, shares_of
from tests.support.silver import BATCHES, Logged, write_silver

pytestmark = pytest.mark.services

CLICKS = ([5, 10, 60], [5, 10, 70])


def _drawn(batch: str, shares: list[float], seed: int, visits: int = 1) -> list[Logged]:
    """Draw 300 decisions; every unit decides ``visits`` times and gets one reward for all."""
    rng = np.random.default_rng(seed)
    arms = rng.choice(3, size=300 // visits, p=shares).tolist()
    return [
        Logged(batch, arm, 0, reward, shares[arm], f"{batch}/{unit}")
        for unit, arm in enumerate(arms)
        for reward in [float(rng.random() < RATES[arm])] * visits
    ]


@pytest.fixture(params=[1, 3], ids=["once", "three times"])
def log(isolated: Settings, request: pytest.FixtureRequest) -> list[Logged]:
    """Two batches under version 0, one under version 2."""
    registered(isolated, experiment(source={"kind": "decision_log"}))
    for batch, clicks in zip(BATCHES[:2], CLICKS, strict=True):
        observe(isolated, batch, clicks)
    update_experiment(isolated, "shop")
    visits = request.param
    first = [
        row
        for seed, batch in enumerate(BATCHES[:2])
        for row in _drawn(batch, [1 / 3] * 3, seed, visits)
    ]
    later = _drawn(BATCHES[2], shares_of(isolated, 2), 9, visits)
    # 1/3 is published in whole buckets.
    even = shares_of(isolated, 0)
    first = [Logged(row.batch, row.arm, 0, row.reward, even[row.arm], row.unit) for row in first]
    write_silver(isolated, first, "shop", "v0")
    write_silver(isolated, later, "shop", "v2")
    return [*first, *later]


def _values(settings: Settings, **changes: Any) -> dict[tuple[str, ...], dict[str, Any]]:
    report = evaluate_experiment(settings, "shop", dag_run="manual", code_revision="a", **changes)
    query = "select * from allot.policy_value where statistics_hash = %s and position = 'all'"
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.encode(), (report.statistics_hash,)).fetchall()
    key = ("log", "evaluation_policy", "estimator", "interval_method")
    return {tuple(row[name] for name in key): row for row in rows}


def test_all_versions_are_one_log_with_one_denominator_beside_their_own(
    isolated: Settings, log: list[Logged]
) -> None:
    values = _values(isolated)
    own = values["decisions", "uniform", "ips", "normal"]
    assert own["n"] == len(log)
    assert own["value"] == pytest.approx(np.mean([r.reward / 3 / r.pscore for r in log]))
    assert ("decisions", "weights-sequence", "ips", "normal") in values
    # By hand: two thirds of the rows are version 0's, the rest version 2's.
    mixture = [
        2 / 3 * even + 1 / 3 * late
        for even, late in zip(shares_of(isolated, 0), shares_of(isolated, 2), strict=True)
    ]
    one = values["decisions-mixture", "uniform", "ips", "normal"]
    assert one["value"] == pytest.approx(np.mean([r.reward / 3 / mixture[r.arm] for r in log]))
    assert one["variance"] < own["variance"]
    # What changes with the batch has no one mixture, and no sequence holds on learnt weights.
    mixed = {name for name in values if name[0] == "decisions-mixture"}
    assert {name[1] for name in mixed} == {"uniform"}
    assert not [name for name in mixed if name[3] == "betting"]


def test_rows_of_one_unit_are_one_observation(isolated: Settings, log: list[Logged]) -> None:
    values = _values(isolated)
    terms: dict[str | None, float] = {}
    mean = np.mean([r.reward / 3 / r.pscore for r in log])
    for seen in log:
        found = terms.get(seen.unit, 0.0)
        terms[seen.unit] = found + seen.reward / 3 / seen.pscore - float(mean)
    units = len(terms)
    by_hand = sum(term**2 for term in terms.values()) * units / (units - 1) / len(log) ** 2
    row = values["decisions", "uniform", "ips", "normal"]
    assert row["variance"] == pytest.approx(by_hand, rel=1e-9)
    rewards: dict[str | None, float] = {}
    mean = np.mean([r.reward for r in log])
    for seen in log:
        rewards[seen.unit] = rewards.get(seen.unit, 0.0) + seen.reward - float(mean)
    by_hand = sum(term**2 for term in rewards.values()) * units / (units - 1) / len(log) ** 2
    own = values["decisions", "decisions", "on-policy", "normal"]
    assert own["variance"] == pytest.approx(by_hand, rel=2e-3)
    # A betting sequence takes every row as a new draw.
    again = units < len(log)
    assert (("decisions", "uniform", "ips", "betting") in values) == (not again)
    sequence = values["decisions", "weights-sequence", "ips", "normal"]
    assert sequence["variance"] > 0
