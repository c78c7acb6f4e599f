"""Changing experiments: what is answered in each state, and what every change leaves behind."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from include.settings import Settings
from include.tasks.gate import gate_experiment
from include.tasks.reconcile import reconcile_experiment
from include.tasks.update import update_experiment
from tests.support.logged import logged, rows
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services


@pytest.fixture
def made(serve: Serve, store_address: str) -> Iterator[Api]:
    """A server with an experiment ``colour``: red, and blue as its control."""
    with serve(store_address) as api:
        body = {"experiment_id": "colour", "arm_ids": ["red", "blue"], "control": "blue"}
        assert api.client.post("/experiments", json=body).status_code == 201
        yield api


def change(api: Api, path: str = "", method: str = "POST", **body: Any) -> httpx.Response:
    return api.client.request(method, f"/experiments/colour{path}", json=body)


def ask(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.client.post("/decision", json={"experiment_id": "colour", **body})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_every_state_answers_as_it_is_documented(made: Api, database: Settings) -> None:
    assert "flag" not in ask(made)
    for verb, state, flag in (("pause", "paused", "paused"), ("stop", "concluded", "stopped")):
        answer = change(made, f"/{verb}", reason="a look")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
        told = ask(made, unit_id="u")
        assert (told["flag"], told["arm_id"], told["propensity"]) == (flag, "blue", 1.0)
        assert logged(database)[told["decision_id"]]["flag"] == flag
        allocation = made.get("/allocation", experiment_id="colour")
        assert allocation.json()["state"] == state
        assert state in allocation.headers["etag"]
        refused = change(made, "/archive" if state == "paused" else "/resume")
        assert (refused.status_code, refused.json()["field"]) == (409, "state")
    assert change(made, "/stop").status_code == 200
    assert change(made, "/state", state="archived").status_code == 200
    gone = made.get("/decision", experiment_id="colour")
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:allot:problem:experiment-archived")
    assert change(made, method="PATCH", title="too late").status_code == 409
    history = made.get("/experiments/colour/states").json()
    assert [each["state"] for each in history["states"]] == ["paused", "concluded", "archived"]
    assert history["states"][0]["reason"] == "a look"


def test_a_pause_is_heard_elsewhere_and_outlives_a_restart_without_the_database(
    made: Api, serve: Serve, store_address: str
) -> None:
    with serve(store_address) as other:
        assert "flag" not in other.get("/decision", experiment_id="colour").json()
        assert change(made, "/pause").status_code == 200
        eventually(lambda: "flag" in other.get("/decision", experiment_id="colour").json())
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    with serve(store_address, database_url=nowhere) as restarted:
        assert restarted.get("/decision", experiment_id="colour").json()["flag"] == "paused"


def test_a_draft_draws_only_after_its_start(made: Api) -> None:
    body = {"experiment_id": "later", "arm_ids": ["a", "b"], "draft": True}
    assert made.client.post("/experiments", json=body).json()["state"] == "draft"
    told = made.get("/decision", experiment_id="later").json()
    assert (told["flag"], told["arm_id"]) == ("draft", "a")
    assert made.client.post("/experiments/later/start").json()["state"] == "running"
    assert "flag" not in made.get("/decision", experiment_id="later").json()


def test_a_share_of_the_units_takes_part_and_the_same_ones_stay(made: Api) -> None:
    units = [f"u{number}" for number in range(400)]

    def inside() -> set[str]:
        told = made.client.post(
            "/decision", json={"experiment_id": "colour", "unit_ids": units}
        ).json()["decisions"]
        outside = [each for each in told if "flag" in each]
        assert {(each["flag"], each["arm_id"]) for each in outside} <= {("outside", "blue")}
        return {each["unit_id"] for each in told if "flag" not in each}

    assert change(made, method="PATCH", traffic_share=0.25).status_code == 200
    few = inside()
    assert 60 < len(few) < 140
    assert change(made, method="PATCH", traffic_share=0.5).status_code == 200
    assert few < inside()


def test_who_is_not_eligible_gets_the_default_arm(made: Api) -> None:
    rules = [{"country": "fr"}, {"country": "de", "beta": True}]
    assert change(made, method="PATCH", eligible=rules, default_arm="red").status_code == 200
    assert "flag" not in ask(made, context={"country": "fr"})
    assert "flag" not in ask(made, context={"country": "de", "beta": True})
    for context in ({"country": "de", "beta": False}, {"country": "uk"}, {}):
        told = ask(made, context=context)
        assert (told["flag"], told["arm_id"]) == ("ineligible", "red")


def test_bots_and_staff_are_answered_logged_and_named(made: Api, database: Settings) -> None:
    rules = [{"bot": True}, {"internal": True}]
    assert change(made, method="PATCH", exclude=rules).status_code == 200
    assert "flag" not in ask(made, unit_id="u", context={"bot": False})
    assert "flag" not in made.get("/decision", experiment_id="colour", unit_id="u").json()
    told = ask(made, unit_id="crawler", context={"bot": True}, request_id="r")
    assert (told["flag"], told["arm_id"], told["propensity"]) == ("excluded", "blue", 1.0)
    assert ask(made, unit_id="crawler", request_id="r") == told
    many = ask(made, unit_ids=["a", "b"], context={"internal": True})["decisions"]
    assert [each["flag"] for each in many] == ["excluded", "excluded"]
    assert logged(database)[told["decision_id"]]["flag"] == "excluded"
    why = made.get(f"/decisions/{told['decision_id']}/explain").json()
    assert why["recomputed"] == {"holds": True, "faults": []}
    assert "without a draw, as it was excluded; never learned from" in why["in_words"][0]
    wrong = change(made, method="PATCH", exclude=[{}])
    assert (wrong.status_code, wrong.json()["field"]) == (422, "exclude.0")


def test_the_cell_with_most_conditions_decides_whatever_order_was_declared(
    made: Api, database: Settings, store: Settings
) -> None:
    german, mobile = {"country": "de"}, {"device": "phone"}
    # PostgreSQL's own order of these names is another one still.
    cells = {"b": {"when": german}, "a": {"when": mobile}}
    open_ = change(made, method="PATCH", cells=cells)
    assert open_.status_code == 422
    assert "cells a and b can fit the same context" in open_.json()["detail"]
    cells["zz-both"] = {"when": german | mobile}
    assert change(made, method="PATCH", cells=cells).status_code == 200
    update_experiment(database, "colour")
    both = database.model_copy(update={"store_url": store.store_url})
    reconcile_experiment(both, "colour")
    eventually(lambda: "cells" in made.get("/allocation", experiment_id="colour").json())
    fitting = {"b": german, "a": mobile, "zz-both": german | mobile, "*": {"country": "fr"}}
    told = {cell: ask(made, context=context).get("cell", "*") for cell, context in fitting.items()}
    assert told == {cell: cell for cell in fitting}


def test_another_strategy_is_named_at_once_and_weights_follow(
    made: Api, database: Settings
) -> None:
    answer = change(made, "/config", strategy="EPSILON-GREEDY", strategy_params={"epsilon": 0.5})
    told = answer.json()
    assert (answer.status_code, told["applied"], told["revision"]) == (200, "strategy", 2)
    assert ask(made)["strategy"] == told["strategy"] == "epsilon_greedy"
    update_experiment(database, "colour")
    newest = rows(database, "select content from allot.weights_snapshot order by version desc")[0]
    assert '"method":"epsilon_greedy/' in newest["content"]
    same = change(made, "/config", strategy="epsilon_greedy", strategy_params={"epsilon": 0.5})
    assert (same.json()["applied"], same.json()["revision"]) == ("unchanged", 2)
    wrong = change(made, "/config", strategy="ucb1", strategy_params={"uniform_mix": 0})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "strategy_params.uniform_mix")


def test_behind_a_gate_another_strategy_becomes_the_challenger(made: Api) -> None:
    assert change(made, method="PATCH", gate=True).status_code == 200
    told = change(made, "/config", strategy="ucb1").json()
    assert (told["applied"], told["strategy"]) == ("challenger", "thompson")
    assert told["challenger"] == {"name": "ucb1", "params": {}}
    assert told["gate"] is None
    assert ask(made)["strategy"] == "thompson"


def test_where_a_challenger_stands_is_told_until_it_is_taken_back(
    made: Api, database: Settings
) -> None:
    assert change(made, method="PATCH", gate=True).status_code == 200
    rules = {"margin": 0.01, "batches_per_step": 2}
    assert change(made, method="PATCH", promotion=rules).status_code == 200
    change(made, "/config", strategy="ucb1")
    gate_experiment(database, "colour", dag_run="test")
    told = made.client.get("/experiments/colour").json()
    assert told["declaration"]["promotion"]["margin"] == 0.01
    assert told["gate"] == {
        "state": "shadow",
        "share": 0.0,
        "verdict": "unknown",
        "explanation": "unknown: nothing was drawn yet under frozen shares of this challenger",
    }
    back = change(made, "/config", strategy="thompson").json()
    assert (back["challenger"], back["gate"]) == (None, None)
    # Registered anew it begins anew.
    assert change(made, "/config", strategy="ucb1").json()["gate"] is None


def test_arms_join_with_the_next_weights_at_their_floor(made: Api, database: Settings) -> None:
    assert change(made, method="PATCH", limits={"probability_floor": 0.1}).status_code == 200
    ask(made, unit_id="u")
    told = change(made, "/arms", arm_ids=["green"]).json()
    assert told["arm_ids"] == ["red", "blue", "green"]
    before = made.get("/allocation", experiment_id="colour").json()
    assert before["buckets"] == {"red": 5000, "blue": 5000}
    update_experiment(database, "colour")
    held = rows(
        database, "select arm_id, buckets from allot.allocation where version = 1 order by arm"
    )
    assert [row["arm_id"] for row in held] == ["red", "blue", "green"]
    assert all(row["buckets"] >= 1000 for row in held)
    assert change(made, "/arms", arm_ids=["green"]).json()["revision"] == told["revision"]


def test_what_decisions_fixed_is_refused_and_all_else_is_a_revision_with_who_and_why(
    made: Api,
) -> None:
    assert change(made, method="PATCH", reward={"kind": "real"}).status_code == 200
    ask(made, unit_id="u")
    for fixed in ({"reward": {"kind": "bernoulli"}}, {"control": "red"}, {"batch": "PT1H"}):
        answer = change(made, method="PATCH", **fixed)
        assert answer.status_code == 409, fixed
        assert next(iter(fixed)) in answer.json()["detail"]
    told = change(
        made, method="PATCH", title="Colours", owner="ana", reason="a better name", based_on=2
    )
    assert (told.json()["revision"], told.json()["declaration"]["owner"]) == (3, "ana")
    assert change(made, method="PATCH", title="Other", based_on=2).status_code == 409
    revisions = made.get("/experiments/colour/revisions").json()["revisions"]
    assert [each["reason"] for each in revisions][-1] == "a better name"
    assert [each["revision"] for each in revisions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("path", "method", "body", "field"),
    [
        ("", "PATCH", {"limits": {"probability_floor": 0.9}}, "limits"),
        ("", "PATCH", {"traffic_share": 2}, "traffic_share"),
        ("", "PATCH", {"default_arm": "green"}, "experiment"),
        ("", "PATCH", {"eligible": [{"visits": 2**64}]}, "experiment"),
        ("", "PATCH", {"prior": {"cohort_strength": 1.7e308}}, "experiment"),
        ("", "PATCH", {"arms": ["a", "b"]}, "arms"),
        ("/config", "POST", {"strategy": "guess"}, "strategy"),
        ("/config", "POST", {"strategy": "fixed", "strategy_params": {"shares": [1.0]}},
         "strategy_params.shares"),
        ("/state", "POST", {"state": "gone"}, "state"),
        ("/arms", "POST", {"arm_ids": ["Not a name"]}, "arm_ids.0"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_changed_so_is_refused_by_its_field(
    made: Api, path: str, method: str, body: dict[str, Any], field: str
) -> None:
    answer = change(made, path, method, **body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert made.get("/experiments/colour").json()["revision"] == 1
