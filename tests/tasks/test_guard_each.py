"""Every guardrail, asked as the DAG asks it: it fires on what it is for, and else stays silent."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.experiments.guardrails import GUARDRAILS
from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.guard import guard_experiment
from tests.support.declared import registered
from tests.support.guarded import START, batch_of_log, own
from tests.support.shop_log import insert

pytestmark = pytest.mark.services

EVEN = (0.10, 0.10)
TODAY = (datetime.now(UTC) - START).days
Log = Callable[[Settings, bool], None]


def sound(settings: Settings, fires: bool) -> None:
    batch_of_log(settings, 0, EVEN)


def served(settings: Settings, *, errors: int, slow: int) -> None:
    """A minute of the API's requests."""
    sound(settings, False)
    insert(
        settings,
        "serving_minute",
        {
            "minute": datetime.now(UTC) - timedelta(minutes=5),
            "route": "/decision",
            "process": "0" * 12,
            "requests": 1_000,
            "refused": 0,
            "errors": errors,
            "seconds": 10.0,
            "bounds": [0.05, 0.1, 0.25],
            "counts": [1_000 - slow, 0, slow, 0],
        },
    )


def mismatched(settings: Settings, fires: bool) -> None:
    batch_of_log(settings, 0, EVEN, arrive=(0.4, 0.6) if fires else None)


def refused(settings: Settings, fires: bool) -> None:
    batch_of_log(settings, 0, EVEN, refused=300 if fires else 0)


def harmful(settings: Settings, fires: bool) -> None:
    for number in range(3):
        batch_of_log(settings, number, (0.20, 0.10) if fires else EVEN)


def aged(settings: Settings, fires: bool) -> None:
    # Weights are published now: a batch that ends in ten days finds them old.
    batch_of_log(settings, TODAY + (10 if fires else 0), EVEN)


def unaddressed(settings: Settings, fires: bool) -> None:
    """Rewards of decisions that nobody knows, beside rewards of an arm."""
    sound(settings, fires)
    for number in range(10):
        to = {"decision_id": uuid.uuid4()} if fires or number == 0 else {"arm_id": "new"}
        values = {"reward_id": f"r{number}", "value": 1.0, "occurred_at": START, **to}
        insert(settings, "reward", {"experiment": "shop", **values})


@dataclass(frozen=True)
class Case:
    """A guardrail, and what makes it fail."""

    name: str
    log: Log = sound
    declared: Mapping[str, Any] = field(default_factory=dict)
    silent: Mapping[str, Any] = field(default_factory=dict)
    action: str = "proceed"


CASES = [
    Case("error_rate", lambda s, fires: served(s, errors=50 * fires, slow=0)),
    Case("latency", lambda s, fires: served(s, errors=0, slow=100 * fires)),
    Case(
        "concentration",
        declared={"default_shares": {"old": 0.2, "new": 0.8}},
        silent={"default_shares": {"old": 0.4, "new": 0.6}},
    ),
    Case(
        "exploration",
        declared={
            "limits": {},
            "default_shares": {"old": 0.001, "new": 0.999},
            "guardrails": {"largest_share": 1.0},
        },
    ),
    Case("srm", mismatched, action="hold"),
    Case("refused_share", refused, action="hold"),
    Case("reward_drop", harmful, action="roll_back"),
    Case("snapshot_age", aged),
    Case("inbox", unaddressed),
    Case(
        "alive",
        declared={"guardrails": {"custom": {"alive": {"at_least": 0.2}}, "critical": ["alive"]}},
        silent={"guardrails": {"custom": {"alive": {"at_least": 0.05}}, "critical": ["alive"]}},
        action="roll_back",
    ),
]


@pytest.mark.parametrize("fires", [True, False])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_fires_and_else_stays_silent(database: Settings, case: Case, fires: bool) -> None:
    registered(database, own(**(case.declared if fires else case.silent)))
    case.log(database, fires)
    report = guard_experiment(database, "shop", dag_run="tests")
    with connect(database) as connection:
        rows = connection.execute(
            "select guardrail, state from allot.guardrail_result where number ="
            " (select max(number) from allot.guardrail_check)"
        ).fetchall()
    states: dict[str, str] = dict(rows)
    assert states[case.name] == ("fail" if fires else "pass")
    failed = {name for name, state in states.items() if state == "fail"}
    assert failed == ({case.name} if fires else set()), "one at a time"
    assert report.action == (case.action if fires else "proceed")


def test_none_is_left_out() -> None:
    assert [*GUARDRAILS, "alive"] == sorted(
        (case.name for case in CASES), key=[*GUARDRAILS, "alive"].index
    )
