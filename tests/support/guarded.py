"""Logs of the API's own decisions as sums, with whatever guardrails are to find in them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from include.contract.weights import BUCKETS
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.statistics import (
    StatisticsRow,
    write_batch_statistics,
)
from include.stores.reports.sums import BatchReference
from include.stores.reports.weights import head
from tests.support.declared import experiment

START = datetime(2026, 3, 2, tzinfo=UTC)


def own(**changes: Any) -> Experiment:
    """An experiment on the API's own decisions: a control and one more arm."""
    given: dict[str, Any] = {
        "arms": ["old", "new"],
        "control": "old",
        "source": {"kind": "decision_log"},
        "limits": {"probability_floor": 0.1},
    }
    return experiment(**(given | changes))


def day(number: int) -> str:
    """Name of a batch, counted from 0."""
    return f"{START + timedelta(days=number):%Y-%m-%d}"


def batch_of_log(
    settings: Settings,
    number: int,
    rates: Sequence[float],
    *,
    slug: str = "shop",
    units: int = 10_000,
    arrive: Sequence[float] | None = None,
    refused: int = 0,
    later: timedelta = timedelta(0),
) -> BatchReference:
    """Write a batch as the live version would have drawn it: sums, and its validation.

    ``arrive`` are the shares in which units really came; ``refused`` rows were quarantined.
    """
    with transaction(settings) as connection:
        live = head(connection, slug)
    buckets = live.content.buckets()
    shares = [count / BUCKETS for count in buckets]
    rows = []
    for arm, (share, rate) in enumerate(zip(arrive or shares, rates, strict=True)):
        n, p = round(units * share), shares[arm]
        k = float(round(n * rate))
        rows.append(
            StatisticsRow(
                *(f"v{live.version}", 0, arm, "*", n, k, k),
                *(n / p, n / p**2, k / p, k / p**2, k / p**2),
            )
        )
    closed = START + timedelta(days=number + 2) + later
    written = write_batch_statistics(
        settings, slug, day(number), [row for row in rows if row.n], lake_version=1,
        observed_at=closed,
    )  # fmt: skip
    validated(settings, number, units, refused, slug=slug)
    return written


def validated(
    settings: Settings, number: int, rows: int, refused: int, *, slug: str = "shop"
) -> None:
    """Write what validation of a batch found."""
    with transaction(settings) as connection:
        connection.execute(
            "insert into allot.log_batch (experiment, batch_id, content_hash, lake_version, number,"
            " decisions, rows_in, rows_silver, rows_flagged, rows_quarantined, rewards_joined,"
            " versions, docs_key, checked_at)"
            " values (%s, %s, %s, 1, 1, %s, %s, %s, 0, %s, 0, '{0}', 'd', now())"
            " on conflict (experiment, batch_id) do update set"
            " rows_silver = excluded.rows_silver, rows_quarantined = excluded.rows_quarantined",
            (slug, day(number), "a" * 64, rows, rows, rows - refused, refused),
        )
