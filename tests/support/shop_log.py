"""Writing the decision log of ``shop`` as the API does, by the minute, and bringing it in."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from include.contract.records import time_ordered_id
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.weights import history
from include.tasks.decision_log.export import Exported, export_log
from include.tasks.decision_log.silver import MadeSilver, make_silver
from include.tasks.update_run import aggregate_experiment, update_row
from tests.support.declared import experiment, registered
from tests.support.horizon import all_ended

WINDOW = timedelta(minutes=30)
START = datetime(2026, 1, 10, 12, tzinfo=UTC)


# Three arms, ten-minute batches, clicks within half an hour.
DECLARED: dict[str, Any] = {
    "source": {"kind": "decision_log"},
    "batch": "PT10M",
    "reward": {"kind": "bernoulli", "window": "PT30M"},
    "quality": {"refused_share": 0.2},
}


def opened(settings: Settings, **changes: Any) -> Settings:
    """Register ``shop``."""
    registered(settings, experiment(**(DECLARED | changes)))
    return settings


def ingest(settings: Settings, slug: str = "shop") -> tuple[Exported, MadeSilver]:
    """Bring silver up to the log."""
    all_ended(settings)
    exported = export_log(settings, slug)
    return exported, make_silver(settings, slug, exported.covered_until)


def _content_hash(settings: Settings) -> str:
    with connect(settings) as connection:
        return history(connection, "shop")[0].content_hash


def log(
    settings: Settings,
    minute: float,
    unit: str | None = None,
    *,
    arm: int = 0,
    share: int | None = None,
    flag: str | None = None,
    decision_id: str | None = None,
    content_hash: str | None = None,
    covariates: dict[str, float] | None = None,
) -> str:
    """Write a decision as the API does; return its id."""
    shares = (3334, 3333, 3333)
    moment = START + timedelta(minutes=minute)
    name = decision_id or time_ordered_id(
        int(moment.timestamp() * 1e9), uuid.uuid4().int & (1 << 62) - 1
    )
    written = 10_000 if flag else share or shares[arm]
    insert(
        settings,
        "decision",
        {
            "experiment": "shop", "decision_id": name, "unit": unit, "cell": "*", "version": 0,
            "content_hash": content_hash or _content_hash(settings), "strategy": "thompson",
            "arms": [arm], "arm_ids": [f"item-{arm}"], "shares": [written], "buckets": [-1],
            "flag": flag, "decided_at": moment,
            "covariates": None if covariates is None else Jsonb(covariates),
        },
    )  # fmt: skip
    return name


def reward(
    settings: Settings,
    minute: float,
    value: float = 1.0,
    *,
    metrics: dict[str, float] | None = None,
    **address: Any,
) -> str:
    """Write a reward as the API does."""
    name = uuid.uuid4().hex
    at = START + timedelta(minutes=minute)
    insert(
        settings,
        "reward",
        {
            "experiment": "shop",
            "reward_id": name,
            "value": value,
            "occurred_at": at,
            "metrics": None if metrics is None else Jsonb(metrics),
            **address,
        },
    )
    return name


def show(settings: Settings, minute: float, decision_id: str) -> None:
    """Write an exposure as the API does."""
    at = START + timedelta(minutes=minute)
    shown = {"experiment": "shop", "decision_id": decision_id, "occurred_at": at}
    insert(settings, "exposure", shown)


def insert(settings: Settings, table: str, values: dict[str, Any]) -> None:
    """Insert one row."""
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join([sql.Placeholder()] * len(values))
    statement = sql.SQL("insert into allot.{} ({}) values ({})")
    with connect(settings) as connection:
        connection.execute(
            statement.format(sql.Identifier(table), names, places), list(values.values())
        )


def learn(settings: Settings, slug: str = "shop") -> list[int]:
    """Sum closed batches and write the versions that are due; return those."""
    row = aggregate_experiment(settings, slug)
    return update_row(settings, row, until=None, dag_run="tests")["versions"]
