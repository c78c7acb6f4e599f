"""The run of an ingest: which experiments, whether something follows, and the table at its end."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from include.errors import RefusedExperimentsError
from include.experiments.schema import DecisionLogSource
from include.settings import Settings
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)


def on_decision_log(settings: Settings) -> list[str]:
    """Return the experiments on the API's own decisions, by slug."""
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read, slugs

    with transaction(settings) as connection:
        return [
            slug
            for slug in slugs(connection)
            if isinstance(read(connection, slug).experiment.source, DecisionLogSource)
        ]


def waiting(settings: Settings, experiments: Sequence[str]) -> bool:
    """Tell whether a complete batch of an experiment has no sums, or overtaken ones."""
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read
    from include.tasks.decision_log.aggregate import due_batches

    with transaction(settings) as connection:
        declared = [read(connection, slug).experiment for slug in experiments]
    return any(due_batches(settings, experiment) for experiment in declared)


def report_ingest(experiments: Sequence[str], done: Sequence[Mapping[str, Any]]) -> None:
    """Log what was read, refused and written.

    Raises
    ------
    RefusedExperimentsError
        If an experiment did not go through.
    """
    found = {row["experiment"]: row for row in done}
    lines: list[dict[str, object]] = [
        {
            "experiment": slug,
            "batches made": len(row["batches"]),
            "rows": row["rows_in"],
            "to silver": row["rows_silver"],
            "refused": row["rows_quarantined"],
        }
        for slug, row in sorted(found.items())
    ]
    if lines:
        log_summary(_log, "decision log", lines)
    failed = [slug for slug in experiments if slug not in found]
    if failed:
        raise RefusedExperimentsError(
            f"{len(found)} of {len(experiments)} experiments went through; "
            f"failed: {', '.join(failed)}. Their tasks say why; the others are in silver."
        )
