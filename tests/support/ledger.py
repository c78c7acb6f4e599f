"""What clients were told, and what the lake must therefore hold: computed from the log alone."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from include.settings import Settings
from include.stores.lake.delta import open_table
from include.stores.lake.log_silver import scan_log
from include.stores.lake.quarantine import QUARANTINE
from include.stores.lake.storage import delta_options
from tests.support.logged import rows

WINDOWED = ("joined", "conflicting", "flagged")


@dataclass(frozen=True)
class Expected:
    """One decision as silver is to hold it."""

    reward: float
    arm: int
    pscore: float
    policy: str
    decided_at: datetime


def expected(settings: Settings, slug: str, window: timedelta) -> dict[str, Expected]:
    """Return every logged decision with the reward that belongs to it, one by one."""
    decisions = rows(settings, f"select * from allot.decision where experiment = '{slug}'")
    given: dict[str, list[dict[str, Any]]] = {str(each["decision_id"]): [] for each in decisions}
    for reward in rows(settings, f"select * from allot.reward where experiment = '{slug}'"):
        name = _addressed(reward, decisions)
        if name in given:
            given[name].append(reward)
    found = {}
    for each in decisions:
        name = str(each["decision_id"])
        valid = [
            reward for reward in given[name] if reward["occurred_at"] <= each["decided_at"] + window
        ]
        first = min(valid, key=lambda one: (one["occurred_at"], one["received_at"]), default=None)
        found[name] = Expected(
            first["value"] if first else 0.0,
            each["arms"][0],
            each["shares"][0] / 10_000,
            each["flag"] or f"v{each['version']}",
            each["decided_at"],
        )
    return found


def _addressed(reward: dict[str, Any], decisions: list[dict[str, Any]]) -> str:
    if reward["decision_id"] is not None:
        return str(reward["decision_id"])
    before = [
        each
        for each in decisions
        if reward["unit"] is not None
        and each["unit"] == reward["unit"]
        and each["decided_at"] <= reward["occurred_at"]
    ]
    last = max(before, key=lambda one: (one["decided_at"], one["decision_id"]), default=None)
    return str(last["decision_id"]) if last else ""


def in_silver(settings: Settings, slug: str) -> pl.DataFrame:
    """Return all rows that silver holds of an experiment."""
    return scan_log(settings, slug).sort("row_id").collect()


def refused(settings: Settings, slug: str) -> list[str]:
    """Return the decisions that stand in quarantine, by id."""
    table = open_table(settings, QUARANTINE)
    frame = pl.scan_delta(table, storage_options=delta_options(settings))
    found = frame.filter(pl.col("source") == slug).select("raw").collect()
    return [json.loads(raw)["decision_id"] for raw in found["raw"]]


def assert_nothing_is_lost(settings: Settings, slug: str) -> None:
    """Acknowledged = silver, quarantine or superseded, each decision once, and no other."""
    told = rows(
        settings,
        "select decision_id::text as id, 'first' as answer from allot.decision"
        f" where experiment = '{slug}' union all select decision_id::text, record_hash"
        f" from allot.decision_superseded where experiment = '{slug}'",
    )
    held = [*in_silver(settings, slug)["decision_id"], *refused(settings, slug)]
    assert sorted(held) == sorted(each["id"] for each in told if each["answer"] == "first")
    assert {each["id"] for each in told} == set(held)


def assert_silver_is_the_log(settings: Settings, slug: str, window: timedelta) -> pl.DataFrame:
    """Every acknowledged decision stands in silver exactly once, as it was, with its reward."""
    wanted = expected(settings, slug, window)
    found = in_silver(settings, slug)
    assert wanted
    assert found.height == len(wanted)
    held = {
        row["decision_id"]: Expected(
            row["reward"], row["arm"], row["pscore"], row["behavior_policy"], row["decided_at"]
        )
        for row in found.iter_rows(named=True)
    }
    assert held == wanted
    return found
