import pytest

from serving.metrics import DecisionCounts
from serving.snapshot import compile_snapshot
from tests.support.publishing import published
from tests.support.served import Api


@pytest.mark.services
def test_decisions_are_counted_by_arm_and_version(api: Api) -> None:
    arms = [api.get("/decision", experiment_id="button").json()["arm_id"] for _ in range(20)]
    for arm in ("blue", "green"):
        series = f'allot_decisions_total{{arm="{arm}",experiment="button",version="v0"}}'
        assert api.metric(series) == arms.count(arm)


@pytest.mark.services
def test_what_clients_invent_makes_no_series(api: Api) -> None:
    for number in range(30):
        api.get(f"/invented-{number}")
        api.get("/decision", experiment_id=f"invented-{number}")
    text = api.get("/metrics").text
    assert "invented" not in text
    assert api.metric('allot_request_seconds_count{route="other",status="404"}') == 30


def test_experiments_beyond_the_limit_are_added_up() -> None:
    counts = DecisionCounts(limit=4)
    for name in ("a", "b", "c"):
        snapshot = compile_snapshot(published(name))
        counts.count(snapshot, 1)
        counts.count(snapshot, 1)
    (family,) = counts.collect()
    series = {sample.labels["experiment"]: sample.value for sample in family.samples}
    assert series == {"a": 2, "b": 2, "_other": 2}


def test_a_new_version_takes_the_place_of_the_old_one() -> None:
    counts = DecisionCounts(limit=2)
    for version in range(3):
        counts.count(compile_snapshot(published("a", version)), 0)
    (family,) = counts.collect()
    assert [(sample.labels["version"], sample.value) for sample in family.samples] == [("v2", 1)]
