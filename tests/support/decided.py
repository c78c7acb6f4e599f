"""Decisions in the log, drawn by the contract and written by the API's own statement."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from include.contract.assignment import assign
from include.contract.published import Published
from include.contract.records import derived_id
from include.contract.weights import POOLED_CELL
from include.settings import Settings
from include.stores.reports.connection import connect
from serving.stores.decisions import DECISIONS
from tests.support.horizon import all_ended

DECIDED = datetime(2026, 1, 10, 12, tzinfo=UTC)


def drawn(
    published: Published, unit: str | None, request: str, cell: str = POOLED_CELL
) -> dict[str, Any]:
    """Return the record of a decision, as the API would write it."""
    content = published.content
    decision_id = derived_id(content.experiment, request)
    who = decision_id if unit is None else unit
    draws = [assign(content, who, cell, slot) for slot in range(len(content.cells[cell]))]
    return {
        "experiment": content.experiment,
        "decision_id": decision_id,
        "request_id": request,
        "unit": unit,
        "cell": cell,
        "version": published.version,
        "content_hash": published.content_hash,
        "strategy": content.method.split("/", 1)[0],
        "arms": [draw.arm for draw in draws],
        "arm_ids": [content.arms[draw.arm] for draw in draws],
        "shares": [round(draw.propensity * 10_000) for draw in draws],
        "buckets": [draw.bucket for draw in draws],
        "flag": None,
        "decided_us": int(DECIDED.timestamp() * 1_000_000),
    }


def settled(published: Published, flag: str, arm: int, request: str) -> dict[str, Any]:
    """Return the record of a decision that was not drawn."""
    record = drawn(published, None, request)
    slots = len(record["arms"])
    told = {"arms": [arm] * slots, "arm_ids": [published.content.arms[arm]] * slots}
    return {**record, **told, "shares": [10_000] * slots, "buckets": [-1] * slots, "flag": flag}


def write(settings: Settings, records: Iterable[dict[str, Any]]) -> list[str]:
    """Write records; return their ids."""
    kept = list(records)
    with connect(settings) as connection:
        connection.execute(DECISIONS.insert, (json.dumps(kept),))
    all_ended(settings)
    return [record["decision_id"] for record in kept]


def log_decisions(
    settings: Settings, published: Published, units: Iterable[str | None]
) -> list[str]:
    """Draw one decision per unit and write it; return their ids."""
    return write(
        settings,
        [drawn(published, unit, f"v{published.version}/{unit}") for unit in units],
    )
