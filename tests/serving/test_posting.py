"""Bodies: decisions that repeat, batches, forced arms, and rewards that count once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from include.settings import Settings
from tests.support.declared import experiment, registered
from tests.support.logged import logged, rows
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, eventually

pytestmark = pytest.mark.services
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def send(api: Api, path: str, text: str) -> httpx.Response:
    """Send what no encoder of JSON would write."""
    headers = {"content-type": "application/json"}
    return api.client.post(path, content=text.encode(), headers=headers)


def ask(api: Api, experiment_id: str = "button", **body: Any) -> httpx.Response:
    return api.client.post("/decision", json={"experiment_id": experiment_id, **body})


def reward(api: Api, value: float = 1, **body: Any) -> httpx.Response:
    return api.client.post("/reward", json={"experiment_id": "button", "reward": value, **body})


def outcomes(database: Settings) -> dict[str, str]:
    found = rows(database, "select reward_id, outcome from allot.reward_outcome")
    return {row["reward_id"]: row["outcome"] for row in found}


@pytest.fixture
def declared(database: Settings) -> Settings:
    """``button`` as an experiment that learns from Allot's own log, clicks within a day."""
    registered(
        database,
        experiment(
            slug="button",
            arms=["blue", "green"],
            source={"kind": "decision_log"},
            reward={"kind": "bernoulli", "window": "P1D"},
        ),
    )
    return database


def test_a_repeated_request_gets_the_first_answer_whatever_was_published_since(
    api: Api, publisher: Publisher, database: Settings
) -> None:
    first = ask(api, request_id="r1", unit_id="u").json()
    publisher.publish("button", 1, buckets=[(6873, 3127)])
    eventually(lambda: api.get("/allocation", experiment_id="button").json()["version"] == 1)
    assert ask(api, request_id="r1", unit_id="u").json() == first
    assert ask(api, request_id="r1", unit_id="another").json() == first
    assert ask(api, request_id="r2", unit_id="u").json()["weights_version"] == 1
    assert {row["request_id"] for row in logged(database).values()} == {"r1", "r2"}
    assert len(logged(database)) == 2


def test_a_repeat_answered_while_the_database_is_away_is_kept_beside_the_first(
    serve: Serve, store_address: str, publisher: Publisher, database: Settings
) -> None:
    publisher.publish("button", buckets=[(10_000, 0)])
    with serve(store_address) as api:
        first = ask(api, request_id="r1", unit_id="u").json()
    publisher.publish("button", 1, buckets=[(0, 10_000)])
    with serve(store_address, database_url=NOWHERE) as api:
        second = ask(api, request_id="r1", unit_id="u").json()
        assert second["decision_id"] == first["decision_id"]
        assert (first["arm_id"], second["arm_id"]) == ("blue", "green")
    with serve(store_address) as api:
        eventually(lambda: rows(database, "select * from allot.decision_superseded"))
        assert ask(api, request_id="r1", unit_id="u").json() == first
    assert [row["arm_ids"] for row in logged(database).values()] == [["blue"]]


def test_a_batch_decides_as_one_by_one_and_repeats_as_a_whole(api: Api, database: Settings) -> None:
    units = [f"u{number}" for number in range(50)]
    batch = ask(api, unit_ids=units, request_id="b").json()["decisions"]
    alone = [ask(api, unit_id=unit).json() for unit in units]
    assert [each["unit_id"] for each in batch] == units
    assert [each["arm_id"] for each in batch] == [each["arm_id"] for each in alone]
    assert ask(api, unit_ids=units, request_id="b").json()["decisions"] == batch
    assert len(logged(database)) == 100


def test_a_forced_decision_is_flagged_in_answer_and_log(api: Api, database: Settings) -> None:
    for arm in ("blue", "green"):
        answer = ask(api, unit_id="u", forced_arm_ids=[arm]).json()
        assert (answer["arm_id"], answer["flag"], answer["propensity"]) == (arm, "forced", 1.0)
        row = logged(database)[answer["decision_id"]]
        assert (row["arm_ids"], row["flag"], row["buckets"]) == ([arm], "forced", [-1])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"forced_arm_ids": ["red"]}, "forced_arm_ids"),
        ({"forced_arm_ids": ["blue", "blue"]}, "forced_arm_ids"),
        ({"unit_id": "nul \0"}, "unit_id"),
        ({"unit_id": "x" * 257}, "unit_id"),
        ({"unit_ids": []}, "unit_ids"),
        ({"request_id": "a/0"}, "request_id"),
        ({"cell": "none"}, "cell"),
        ({"unit": "u"}, "unit"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    api: Api, database: Settings, body: dict[str, Any], field: str
) -> None:
    answer = ask(api, **body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert logged(database) == {}


@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "1e999", '"\\ud800"', "[" * 5000, "null", "0x1", '"a\\u0000"', "{}"],
)
@pytest.mark.parametrize("path", ["/decision", "/reward"])
def test_poisonous_json_is_refused_and_nothing_written(api: Api, path: str, value: str) -> None:
    for member in ("reward", "unit_id", "decision_id", "\\ud800", "experiment_id"):
        body = f'{{"experiment_id":"button","arm_id":"blue","{member}":{value}}}'
        answer = send(api, path, body)
        assert answer.status_code in (400, 422), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "~" not in answer.json().get("field", "")
    assert api.metric('allot_rewards_total{outcome="recorded"}') == 0


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"', '"a\\u0000"', "{}", "null"])
def test_one_poisonous_record_of_a_group_is_refused_alone(
    api: Api, database: Settings, value: str
) -> None:
    units = f'{{"experiment_id":"button","unit_ids":["u0",{value},"u2"]}}'
    answer = send(api, "/decision", units)
    told = answer.json()["decisions"]
    assert answer.status_code == 207
    assert [each.get("unit_id") for each in told] == ["u0", None, "u2"]
    assert told[1]["refused"]["status"] == 422
    assert {row["unit"] for row in logged(database).values()} == {"u0", "u2"}
    good = '{"arm_id":"blue","reward":1}'
    poison = f'{{"arm_id":"blue","reward":{value}}}'
    body = f'{{"experiment_id":"button","rewards":[{good},{poison},{good}]}}'
    answer = send(api, "/reward", body)
    assert answer.status_code == 207
    assert ["refused" in each for each in answer.json()["rewards"]] == [False, True, False]
    assert len(rows(database, "select * from allot.reward")) == 2


def test_a_body_of_no_declared_kind_is_refused_and_says_what_to_send(api: Api) -> None:
    answer = api.client.post("/decision", content=b'{"experiment_id":"button"}')
    assert (answer.status_code, answer.json()["field"]) == (422, "content-type")
    assert "application/json" in answer.json()["detail"]


def test_a_context_of_a_megabyte_is_refused(api: Api) -> None:
    for length, statuses in ((1_100_000, {413}), (900_000, {422})):
        answer = ask(api, context={"key": "x" * length})
        assert answer.status_code in statuses


def test_a_reward_counts_once_however_it_is_addressed(api: Api, declared: Settings) -> None:
    decision = ask(api, unit_id="u").json()["decision_id"]
    now = datetime.now(UTC).isoformat()
    for _ in range(2):
        told = reward(api, decision_id=decision).json()
        assert told == {"reward_id": f"decision/{decision}", "outcome": "recorded"}
        assert reward(api, unit_id="u", occurred_at=now).json()["outcome"] == "recorded"
        assert reward(api, arm_id="blue", reward_id="total-1").json()["outcome"] == "recorded"
    assert reward(api, 0, decision_id=decision).json()["outcome"] == "superseded"
    assert reward(api, 0, decision_id=decision).json()["outcome"] == "superseded"
    assert sorted(outcomes(declared).values()) == ["conflicting", "joined", "total"]
    assert len(rows(declared, "select * from allot.reward_superseded")) >= 1
    many = api.client.post(
        "/reward",
        json={
            "experiment_id": "button",
            "rewards": [{"reward": 1, "arm_id": "blue", "reward_id": f"m{n}"} for n in range(20)],
        },
    )
    assert [each["outcome"] for each in many.json()["rewards"]] == ["recorded"] * 20


def test_every_reward_has_an_outcome_whatever_came_first(api: Api, declared: Settings) -> None:
    drawn = ask(api, unit_id="u").json()["decision_id"]
    forced = ask(api, unit_id="v", forced_arm_ids=["blue"]).json()["decision_id"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1, minutes=1)).isoformat()
    reward(api, reward_id="late", decision_id=drawn, occurred_at=tomorrow)
    reward(api, reward_id="first", decision_id=drawn)
    reward(api, reward_id="second", decision_id=drawn)
    reward(api, reward_id="flagged", decision_id=forced)
    reward(api, reward_id="unknown", decision_id="0" * 8 + "-0000-0000-0000-" + "0" * 12)
    reward(api, reward_id="nobody", unit_id="nobody", occurred_at=tomorrow)
    assert outcomes(declared) == {
        "late": "late",
        "first": "joined",
        "second": "conflicting",
        "flagged": "flagged",
        "unknown": "unknown",
        "nobody": "unknown",
    }


def test_a_reward_that_arrives_before_its_decision_joins_it(
    serve: Serve, store_address: str, publisher: Publisher, declared: Settings
) -> None:
    publisher.publish("button")
    with serve(store_address, database_url=NOWHERE) as api:
        decision = ask(api).json()["decision_id"]
        # Not shipped while this replica sees no database; another one takes the reward.
        with serve(store_address) as other:
            assert reward(other, decision_id=decision).json()["outcome"] == "recorded"
            eventually(lambda: logged(declared))
    assert list(outcomes(declared).values()) == ["joined"]


def test_a_value_that_is_not_declared_is_refused_and_else_named_impossible(
    serve: Serve, store_address: str, publisher: Publisher, declared: Settings
) -> None:
    publisher.publish("button")
    with serve(store_address) as api:
        decision = ask(api).json()["decision_id"]
        answer = reward(api, 0.5, decision_id=decision)
        assert (answer.status_code, answer.json()["field"]) == (422, "reward")
    with serve(store_address, database_url=NOWHERE) as api:
        assert reward(api, 0.5, decision_id=decision).status_code == 200
    with serve(store_address):
        eventually(lambda: outcomes(declared))
    assert list(outcomes(declared).values()) == ["impossible"]
