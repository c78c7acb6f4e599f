"""Plans from a form: the trade in the right direction, said in words, labelled simulated."""

import logging

import pytest

from include.contract.canonical import Json
from include.errors import SimulationError
from include.tasks.plan import EXPERIMENT, advice, content_of, plan_and_record, trade_table
from include.tasks.plan_request import PlanForm
from stack.platform import Stack

FORM = {
    "arms": 2,
    "base_rate": 0.05,
    "minimum_uplift": 0.4,
    "traffic_per_day": 1000,
    "floors": [0.3, 0.02, 0.9],
    "max_days": 14,
    "replications": 100,
}


def test_a_larger_floor_buys_power_and_costs_regret() -> None:
    rows = trade_table(PlanForm.of(FORM))
    # 0.9 cannot be everybody's floor; the equal split is always there to compare with.
    assert [row["floor"] for row in rows] == [0.02, 0.3, 0.5]
    assert rows[0]["power"] < rows[1]["power"]  # type: ignore[operator]
    assert rows[0]["regret"] < rows[1]["regret"] < rows[2]["regret"]  # type: ignore[operator]
    assert rows[2]["regret"] == pytest.approx(14 * 500 * 0.02, rel=0.02)


def test_a_control_costs_power_only_where_there_are_more_than_two_arms() -> None:
    three = FORM | {"arms": 3, "floors": []}
    alone, beside = (
        trade_table(PlanForm.of(three | {"control": control}))[0]["power"]
        for control in (False, True)
    )
    assert beside < alone  # type: ignore[operator]
    two = [trade_table(PlanForm.of(FORM | {"control": control})) for control in (False, True)]
    assert two[0] == two[1]


def test_words_name_the_cheapest_floor_or_that_there_is_none() -> None:
    form = PlanForm.of(FORM)
    row: dict[str, Json] = {"floor": 0.1, "power": 0.9, "median_days": 8.0, "regret": 50.0}
    dear = row | {"floor": 0.5, "regret": 140.0}
    bare = row | {"floor": 0.0, "power": 0.2, "mass_without_support": 0.4}
    full: dict[str, Json] = {"mass_without_support": 0.0}
    said = advice(form, [bare, row | full, dear | full])
    assert "floor with at least 80 % power by day 14: 0.1" in said[0]
    assert "40% of a uniform policy without support" in said[1]
    assert "no floor reaches 80 %" in advice(form, [bare])[0]


def test_the_run_is_labelled_and_steps_by_the_floor_in_buckets() -> None:
    form = PlanForm.of(FORM)
    content = content_of(form, trade_table(form))
    assert content.tags["allot.simulated"] == "true"
    (power,) = [curve for curve in content.curves if curve.name == "simulated/power"]
    assert list(power.steps) == [200, 3000, 5000]
    assert all(curve.name.startswith("simulated/") for curve in content.curves)
    assert content.figures["power"].axes[0].lines


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"arms": 1}, "arms"),
        ({"base_rate": 0.0}, "base_rate"),
        ({"base_rate": float("nan")}, "base_rate"),
        ({"minimum_uplift": 0.0}, "minimum_uplift"),
        ({"minimum_uplift": 19.0}, "minimum_uplift"),
        ({"traffic_per_day": 0}, "traffic_per_day"),
        ({"floors": [float("nan")]}, "floors"),
        ({"alpha": 0.7}, "alpha"),
        ({"replications": 10**8}, "at most"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_planned_is_refused_by_name(change: dict[str, object], words: str) -> None:
    with pytest.raises(SimulationError, match=words):
        PlanForm.of(FORM | change)


def test_an_unknown_policy_is_refused_with_those_that_are() -> None:
    with pytest.raises(SimulationError, match="thompson"):
        trade_table(PlanForm.of(FORM | {"policy": "magic"}))


@pytest.mark.stack
@pytest.mark.xdist_group("stack")
def test_a_plan_is_recorded_once_and_its_table_ends_the_log(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    from mlflow import MlflowClient

    caplog.set_level(logging.INFO)
    form = PlanForm.of(FORM | {"replications": 20})
    first, again = (plan_and_record(stack.settings, form) for _ in range(2))
    assert again.run_id == first.run_id
    assert not any((again.created, again.logged))
    assert "interval_half_width" in caplog.text
    client = MlflowClient(stack.settings.mlflow_url)
    shown = client.get_run(first.run_id)
    assert shown.data.params["traffic_per_day"] == "1000"
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert shown.info.experiment_id == experiment.experiment_id
    points = client.get_metric_history(first.run_id, "simulated/power")
    assert [point.step for point in points] == [200, 3000, 5000]
    assert {file.path for file in client.list_artifacts(first.run_id, "tables")}
