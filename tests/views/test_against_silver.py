"""Views against the same numbers computed from rows alone: from silver, and by influence."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from psycopg.rows import dict_row

from include.settings import Settings
from include.stores.lake.silver import scan_feedback
from include.stores.reports.connection import connect
from include.stores.reports.statistics import write_batch_statistics
from include.tasks.aggregate import statistics_rows
from include.tasks.evaluate import evaluate_experiment
from include.tasks.update import update_experiment
from include.tasks.update_run import aggregate_experiment
from tests.support.declared import NOON, experiment, registered
from tests.support.evaluated import BTS, RANDOM, SOURCE
from tests.support.silver import BATCHES, write_silver

pytestmark = pytest.mark.services

Z = 1.959964
# cohort, arm, propensity, rate: in "new" the second arm loses by as much as it gains elsewhere.
COHORTS = (
    ("new", 0, 0.5, 0.6),
    ("new", 1, 0.5, 0.2),
    ("loyal", 0, 0.75, 0.1),
    ("loyal", 1, 0.25, 0.9),
)


def _rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def test_views_say_what_silver_says(isolated: Settings) -> None:
    registered(isolated, experiment())
    write_silver(isolated, RANDOM, SOURCE, "random")
    write_silver(isolated, BTS, SOURCE, "bts")
    aggregate_experiment(isolated, "shop")
    update_experiment(isolated, "shop", provenance={"dag_run": "manual"})
    evaluate_experiment(isolated, "shop", dag_run="manual", code_revision="abc")
    silver = scan_feedback(isolated, SOURCE, "random").select("arm", "reward", "pscore").collect()
    by_arm = {
        arm: (len(own), own["reward"].sum(), (own["reward"] / own["pscore"]).sum())
        for (arm,), own in silver.partition_by("arm", as_dict=True).items()
    }
    arms = _rows(isolated, "select * from allot.arm_performance")
    assert {row["arm"]: (row["observations"], row["rewards"]) for row in arms} == {
        arm: (n, total) for arm, (n, total, _) in by_arm.items()
    }
    for row in arms:
        own = silver.filter(pl.col("arm") == row["arm"])
        assert row["corrected_mean"] == pytest.approx(
            by_arm[row["arm"]][2] / (1 / own["pscore"].to_numpy()).sum()
        )
    (overview,) = _rows(isolated, "select * from allot.experiment_overview")
    assert (overview["observations"], overview["rewards"]) == (len(silver), silver["reward"].sum())
    refusals = _rows(isolated, "select * from allot.refusals_by_arm")
    assert {row["arm"]: (row["kept"], row["refused"], row["refusal_rate"]) for row in refusals} == {
        arm: (n, 0, 0.0) for arm, (n, _, _) in by_arm.items()
    }
    # An experiment without cohorts has one, and against no control the uniform policy.
    weight = 1 / silver["pscore"].to_numpy()
    whole = (silver["reward"].to_numpy() * weight).sum() / weight.sum()
    for row in _rows(isolated, "select * from allot.cohorts"):
        assert row["against"] == "uniform"
        assert row["effect"] == pytest.approx(row["corrected_mean"] - whole)
        assert row["observed_share"] == pytest.approx(by_arm[row["arm"]][0] / len(silver))
    scores = _rows(isolated, "select * from allot.scoreboard where log = 'random'")
    assert {row["batch_id"] for row in scores} == {BATCHES[-1]}
    (own_policy,) = [row for row in scores if row["evaluation_policy"] == "random"]
    assert (own_policy["value"], own_policy["difference"]) == (
        pytest.approx(silver["reward"].mean()),
        0.0,
    )
    usable = [row for row in scores if row["verdict"] == "usable"]
    assert usable
    assert [row["place"] for row in sorted(usable, key=lambda row: -row["value"])] == list(
        range(1, len(usable) + 1)
    )


def _cohort_log(seed: int) -> dict[str, "np.typing.NDArray[np.float64]"]:
    """Rows (arm, p, r) per cohort."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for cohort, arm, p, rate in COHORTS:
        hits = rng.random(round(400 * p)) < rate
        rows.setdefault(cohort, []).extend((arm, p, float(hit)) for hit in hits)
    return {cohort: np.array(found) for cohort, found in rows.items()}


def _effect(rows: "np.typing.NDArray[np.float64]", control: int | None) -> tuple[float, float]:
    """The second arm's effect and standard error, by every row's influence on it."""
    arm, p, r = rows.T
    own = arm == 1
    other = np.ones(len(arm), bool) if control is None else arm == control
    influence = np.zeros(len(arm))
    means = []
    for sign, those in ((1, own), (-1, other)):
        total = (those / p).sum()
        mean = (those * r / p).sum() / total
        influence += sign * those * (r - mean) / p / total
        means.append(mean)
    return means[0] - means[1], float(np.sqrt((influence**2).sum()))


@pytest.mark.parametrize("control", [None, 0])
def test_cohorts_are_the_rows_by_their_influence(database: Settings, control: int | None) -> None:
    arms = ["item-0", "item-1"]
    registered(database, experiment(arms=arms, control=None if control is None else arms[control]))
    logs = [_cohort_log(seed) for seed in range(2)]
    for batch, log in zip(BATCHES, logs, strict=False):
        sums = [
            row
            for cohort, rows in log.items()
            for row in statistics_rows(
                [
                    (int(arm), 0, float(p), float(r), int(count))
                    for (arm, p, r), count in zip(
                        *np.unique(rows, axis=0, return_counts=True), strict=True
                    )
                ],
                "v0",
                cohort,
            )
        ]
        write_batch_statistics(
            database, "shop", batch, sorted(sums), lake_version=1, observed_at=NOON
        )
    # Against a control, a day on which the arm alone was shown tells nothing of its effect.
    alone = statistics_rows([(1, 0, 1.0, 1.0, 50)], "v1", "new")
    write_batch_statistics(database, "shop", BATCHES[2], alone, lake_version=1, observed_at=NOON)
    found = {
        row["cohort"]: row
        for row in _rows(database, "select * from allot.cohorts where arm_id = 'item-1'")
    }
    by_cohort: dict[str | None, NDArray[Any]] = {
        name: np.concatenate([log[name] for log in logs]) for name in logs[0]
    }
    if control is None:
        by_cohort["new"] = np.concatenate([by_cohort["new"], [[1.0, 1.0, 1.0]] * 50])
    expected = {**by_cohort, None: np.concatenate(list(by_cohort.values()))}
    assert set(found) == set(expected)
    for name, rows in expected.items():
        effect, error = _effect(rows, control)
        assert found[name]["effect"] == pytest.approx(effect)
        assert found[name]["effect_hi"] - effect == pytest.approx(Z * error)
    (fair,) = _rows(database, "select * from allot.cohort_fairness where arm_id = 'item-1'")
    means = [found[name]["corrected_mean"] for name in by_cohort]
    assert fair["reward_variation"] == pytest.approx(np.std(means, ddof=1) / np.mean(means))
    assert (fair["cohorts"], fair["gaining"], fair["losing"]) == (2, "loyal", "new")
    assert fair["warning"] == "item-1 gains over all cohorts together and loses in new"
