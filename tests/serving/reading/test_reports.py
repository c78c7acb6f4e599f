"""What was published, observed and decided, read over the API from the pipeline's own rows."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from include.settings import Settings
from include.tasks.decide.step import decide_experiment
from include.tasks.judgement.store import judge_and_store
from include.tasks.update import update_experiment
from serving.reading import examples, schemas, standing
from serving.reading.cursor import write_cursor
from tests.support.declared import NOON, experiment, observe, registered
from tests.support.logged import rows
from tests.support.served import Api, Serve

pytestmark = pytest.mark.services
NOWHERE = "postgresql://allot:x@127.0.0.1:9/allot"
CLICKS = {"2026-01-01": (5, 10, 60), "2026-01-02": (5, 10, 70), "2026-01-03": (60, 5, 5)}
PAGES = {
    "history": "versions",
    "timeseries": "batches",
    "arms": "arms",
    "cohorts": "arms",
    "events": "events",
}
MODELS: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "summary": (standing.Summary, examples.SUMMARY),
    "p_best": (standing.Best, examples.BEST),
    "history": (schemas.History, examples.HISTORY),
    "timeseries": (schemas.Timeseries, examples.TIMESERIES),
    "arms": (schemas.Arms, examples.ARMS),
    "cohorts": (schemas.Cohorts, examples.COHORTS),
    "events": (schemas.Events, examples.EVENTS),
}


def read(api: Api, report: str, **params: Any) -> dict[str, Any]:
    answer = api.get(f"/experiments/shop/{report}", **params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.fixture
def shop(serve: Serve, store_address: str, database: Settings) -> Iterator[Api]:
    """``shop``: three batches, each with its version, and a judgement."""
    registered(database, experiment())
    for batch, clicks in CLICKS.items():
        observe(database, batch, clicks, observed_at=NOON)
        update_experiment(database, "shop", provenance={"dag_run": f"run-of-{batch}"})
    judge_and_store(database, "shop", dag_run="manual", code_revision="abc")
    decide_experiment(database, "shop", dag_run="manual", code_revision="abc")
    with serve(store_address) as api:
        yield api


def test_every_answer_fits_its_model_and_so_does_its_example(shop: Api) -> None:
    for report, (model, example) in MODELS.items():
        answer = read(shop, report)
        model.model_validate(answer)
        model.model_validate(example)
        assert answer.keys() == example.keys(), report


def test_history_tells_every_version_and_why_newest_first(shop: Api, database: Settings) -> None:
    versions = read(shop, "history")["versions"]
    published = rows(database, "select * from allot.weights_snapshot order by version desc")
    assert [v["version"] for v in versions] == [3, 2, 1, 0]
    assert [v["content_hash"] for v in versions] == [row["content_hash"] for row in published]
    assert [v["reason"] for v in versions] == ["batch", "batch", "batch", "created"]
    for version in versions:
        [position] = version["positions"]
        assert sum(arm["buckets"] for arm in position["arms"]) == 10_000
        for arm in position["arms"]:
            assert f"{arm['arm_id']} has" in arm["why"]
    assert read(shop, "history", position=1)["versions"][0]["positions"] == []


def test_timeseries_says_by_batch_what_was_seen_and_what_followed(shop: Api) -> None:
    batches = read(shop, "timeseries")["batches"]
    assert [batch["batch"] for batch in batches] == sorted(CLICKS)
    for batch in batches:
        [position] = batch["positions"]
        arms = position["arms"]
        assert tuple(arm["rewards"] for arm in arms) == CLICKS[batch["batch"]]
        assert [arm["observations"] for arm in arms] == [100, 100, 100]
        assert sum(arm["observed_share"] for arm in arms) == pytest.approx(1)
        assert sum(arm["best_probability"] for arm in arms) == pytest.approx(1)
        assert sum(arm["published_share"] for arm in arms) == pytest.approx(1)
    sequences = batches[-1]["positions"][0]["arms"][2]["sequences"]
    named = {(each["family"], each["method"], each["look"]) for each in sequences}
    assert len(named) == len(sequences)
    assert {("best", "asymptotic", 3), ("best", "betting", 3)} <= named
    assert sequences[0]["look"] == 3
    assert sequences[0]["lo"] is None or sequences[0]["lo"] <= sequences[0]["estimate"]


def test_summary_names_leader_loss_and_verdict(shop: Api, database: Settings) -> None:
    found = read(shop, "summary")
    best = read(shop, "p_best")
    assert (found["state"], found["batches"], found["live"]["version"]) == ("running", 3, 3)
    assert (found["observations"], found["reward_sum"]) == (900, 230)
    [leader] = found["leading"]
    assert best["p_best"][leader["arm_id"]] == max(best["p_best"].values())
    assert leader["best_probability"] == best["p_best"][leader["arm_id"]]
    [loss] = rows(
        database,
        "select expected_loss from allot.arm_belief where cell = '*' and arm = 'item-2'",
    )
    assert (leader["arm_id"], leader["expected_loss"]) == ("item-2", loss["expected_loss"])
    [verdict] = found["verdicts"]
    assert verdict["looks"] == 3
    assert {each["arm_id"] for each in verdict["sequences"]} == {"item-0", "item-1", "item-2"}
    assert {each["method"] for each in verdict["sequences"]} == {"asymptotic"}
    [told] = rows(database, "select kind, summary from allot.recommendation")
    assert found["recommendation"]["recommendation"] == told["kind"] == "keep_running"
    assert found["recommendation"]["summary"] == told["summary"]


def test_arms_stand_naive_and_corrected_beside_each_other(shop: Api) -> None:
    arms = read(shop, "arms")["arms"]
    together = [sum(clicks) / 300 for clicks in zip(*CLICKS.values(), strict=True)]
    assert [arm["naive_mean"] for arm in arms] == pytest.approx(together)
    # A uniform log needs no correction.
    assert [arm["corrected_mean"] for arm in arms] == pytest.approx(together)
    cohorts = read(shop, "cohorts")["arms"]
    assert {arm.pop("cohort") for arm in cohorts} == {"*"}
    for cohort, arm in zip(cohorts, arms, strict=True):
        assert cohort == {
            name: pytest.approx(value) if isinstance(value, float) else value
            for name, value in arm.items()
        }


def test_events_are_one_stream_with_who_when_and_why(shop: Api) -> None:
    events = read(shop, "events")["events"]
    assert [event["at"] for event in events] == sorted(
        (event["at"] for event in events), reverse=True
    )
    said = {(event["kind"], event["number"]): event for event in events}
    assert said["revision", 1]["by"] == "tests"
    assert said["revision", 1]["why"] == "for a test"
    assert said["version", 3]["by"] == "run-of-2026-01-03"
    assert len(events) == 5


def test_pages_together_are_the_whole(shop: Api) -> None:
    for report, listed in PAGES.items():
        whole = read(shop, report)[listed]
        assert len(whole) >= 3
        pieces: list[Any] = []
        cursor: dict[str, str] = {}
        while len(pieces) < len(whole):
            page = read(shop, report, limit=1, **cursor)
            assert len(page[listed]) == 1
            pieces += page[listed]
            cursor = {"cursor": page["next_cursor"]}
        assert pieces == whole
        assert cursor == {"cursor": None}


def test_a_cursor_of_elsewhere_is_refused(shop: Api) -> None:
    foreign = ["x", "%%%", "W10", "é", "bnVsbA", "WyJcdTAwMDAiXQ", "WzEsMl0sMw", "A" * 600]
    foreign.append(write_cursor([True, True]))
    foreign.append(write_cursor(["tomorrow", "state", 1]))
    foreign.append(write_cursor([2**40, 2**40]))
    for report in PAGES:
        for cursor in foreign:
            answer = shop.get(f"/experiments/shop/{report}", cursor=cursor)
            assert answer.status_code == 422, (report, cursor, answer.text)
            assert answer.json()["field"] == "cursor"


def test_a_new_experiment_has_no_leader_and_no_invented_number(
    serve: Serve, store_address: str, database: Settings
) -> None:
    registered(database, experiment())
    with serve(store_address) as api:
        found = read(api, "summary")
        assert (found["leading"], found["verdicts"], found["observations"]) == ([], [], 0)
        assert (found["recommendation"], found["counted"]) == (None, "exactly")
        assert set(read(api, "p_best")["p_best"].values()) == {None}
        assert [arm["naive_mean"] for arm in read(api, "arms")["arms"]] == [None] * 3
        assert read(api, "timeseries")["batches"] == read(api, "cohorts")["arms"] == []


def test_what_does_not_exist_is_404_and_a_database_away_is_503(
    serve: Serve, store_address: str
) -> None:
    reports = [*MODELS, "export"]
    with serve(store_address) as api:
        for report in reports:
            assert api.get(f"/experiments/none/{report}").status_code == 404
            assert api.get(f"/experiments/NOT A NAME/{report}").status_code == 422
    with serve(store_address, database_url=NOWHERE) as api:
        for report in reports:
            answer = api.get(f"/experiments/shop/{report}")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert answer.headers["content-type"] == "application/problem+json"
