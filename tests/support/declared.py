"""Small experiments and sums that tests can check by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.experiments import Revision, Submission, register
from include.stores.reports.statistics import (
    StatisticsRow,
    write_batch_statistics,
)
from include.stores.reports.sums import BatchReference

NOON: datetime = datetime(2026, 1, 10, 12, tzinfo=UTC)


def experiment(**changes: Any) -> Experiment:
    """An experiment that learns from the random log of the Open Bandit Dataset."""
    document: dict[str, Any] = {
        "slug": "shop",
        "title": "a shop",
        "owner": "tests",
        "arms": ["item-0", "item-1", "item-2"],
        "positions": 1,
        "source": {"kind": "open_bandit", "campaign": "men"},
        "limits": {"probability_floor": 0.05},
    }
    return Experiment.model_validate(document | changes)


def registered(settings: Settings, declared: Experiment) -> Revision:
    """Register a declaration as its TOML file would."""
    return register(settings, declared, Submission("toml", "tests", "for a test"))


def sums(clicks: Sequence[int], views: int = 100, position: int = 0) -> list[StatisticsRow]:
    """Sums of a random log: every arm seen equally often, arm a clicked clicks[a] times."""
    p = 1 / len(clicks)
    return [
        StatisticsRow(
            *("random", position, arm, "*", views, float(k), float(k)),
            *(views / p, views / p**2, k / p, k / p**2, k / p**2),
        )
        for arm, k in enumerate(clicks)
    ]


def observe(
    settings: Settings,
    batch_id: str,
    clicks: Sequence[int],
    slug: str = "shop",
    observed_at: datetime = NOON,
) -> BatchReference:
    """Write the sums of one batch."""
    rows = sums(clicks)
    return write_batch_statistics(
        settings, slug, batch_id, rows, lake_version=1, observed_at=observed_at
    )
