"""Clients that were written for other bandit services work as they are."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import pytest

from include.settings import Settings
from tests.support.logged import logged, rows
from tests.support.served import Api

pytestmark = pytest.mark.services
LOAD = Path(__file__).parents[1] / "support" / "locustfile.py"
CREATE = {"experiment_id": "colour", "arm_ids": ["red", "green", "blue"], "strategy": "THOMPSON"}


def ensure(client: httpx.Client) -> None:
    """Create an experiment as those clients do: made now or made before, both are well."""
    answer = client.post("/experiments", json=CREATE)
    assert answer.status_code in (201, 409), answer.text


@pytest.mark.parametrize("ask", ["post", "get", "select"])
def test_create_decide_reward_loops_work(api: Api, database: Settings, ask: str) -> None:
    shown: Counter[str] = Counter()
    for _ in range(2):
        ensure(api.client)
        for _ in range(15):
            name = {"experiment_id": "colour"}
            if ask == "get":
                answer = api.client.get("/decision", params=name)
            else:
                path = "/select" if ask == "select" else "/decision"
                answer = api.client.post(path, json=name)
            assert answer.status_code == 200, answer.text
            arm = answer.json()["arm_id"]
            shown[arm] += 1
            told = api.client.post("/reward", json={**name, "arm_id": arm, "reward": 1.0})
            assert told.status_code == 200, told.text
            assert told.json()["outcome"] == "recorded"
    assert set(shown) <= {"red", "green", "blue"}
    assert Counter(row["arm_ids"][0] for row in logged(database).values()) == shown
    totals = rows(database, "select arm_id, rewards from allot.arm_total")
    assert {row["arm_id"]: row["rewards"] for row in totals} == shown


def test_select_knows_the_names_that_others_use(api: Api) -> None:
    ensure(api.client)
    same = [
        {"experiment_id": "colour", "unit_id": "u"},
        {"experiment_id": "colour", "user_id": "u"},
        {"experiment": "colour", "unit": "u"},
    ]
    answers = [api.client.post("/select", json=body) for body in same]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["arm_id"] for answer in answers}) == 1
    assert {answer.json()["unit_id"] for answer in answers} == {"u"}
    both = api.client.post("/select", json={**same[0], "user_id": "v"})
    assert both.status_code == 422
    assert "two names" in both.json()["detail"]


def test_five_decisions_per_reward_have_no_failure(api: Api, database: Settings) -> None:
    result = subprocess.run(
        [
            sys.executable, "-m", "locust", "--headless", "--only-summary",
            "--locustfile", str(LOAD), "--host", f"http://127.0.0.1:{api.port}",
            "--users", "8", "--spawn-rate", "8", "--run-time", "4s", "--exit-code-on-error", "1",
        ],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    decided = len(logged(database))
    rewarded = rows(database, "select * from allot.reward")
    # Not empty, and in about the proportion that was asked for.
    assert decided > 20
    assert 0 < len(rewarded) < decided
    assert {row["outcome"] for row in rows(database, "select outcome from allot.reward_outcome")}
