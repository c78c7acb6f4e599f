"""Retention and compaction, a step each; every one may be repeated, and tells what it would do."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict

from include.settings import Settings
from include.stores.reports.retention import count_old, removable, remove_old
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)
# Their runs are of no interest for long, or hold what is to be forgotten.
SHORT_LIVED: Final = ("canary", "erase_unit")
SHORT_DAYS: Final = 1
KEPT_SUFFIXES: Final = (".refused", ".damaged")


class LogRow(TypedDict):
    """What of an experiment's log was removed, or would be."""

    experiment: str
    decisions: int
    rewards: int
    exposures: int
    superseded: int
    removed: bool


def retain_log(settings: Settings, experiment: str, *, dry_run: bool, dag_run: str = "") -> LogRow:
    """Remove an experiment's log records beyond the log horizon.

    Only what silver has and an audit has passed; an experiment whose log is not exported, or
    was never audited, keeps everything.

    Parameters
    ----------
    settings
        Where PostgreSQL is; ``log_horizon_days``.
    experiment
        Slug.
    dry_run
        Whether to only count.
    dag_run
        Kept with the record of what was removed.
    """
    from include.stores.reports.connection import transaction

    before = datetime.now(UTC) - timedelta(days=settings.log_horizon_days)
    with transaction(settings, statement_seconds=600.0) as connection:
        found = removable(connection, experiment, before)
        counts = count_old(connection, found) if dry_run else None
    if counts is None:
        counts = remove_old(settings, found, dag_run)
    row = LogRow(
        experiment=experiment,
        decisions=counts["decision"],
        rewards=counts["reward"],
        exposures=counts["exposure"],
        superseded=counts["decision_superseded"] + counts["reward_superseded"],
        removed=not dry_run,
    )
    log_summary(_log, f"log of {experiment} before {before:%Y-%m-%d %H:%M}", [row])
    return row


def compact_lake(settings: Settings, *, dry_run: bool) -> dict[str, int]:
    """Compact the lake's tables; return the files removed (or crowded partitions) by table."""
    from include.stores.lake.compact import compact_table, crowded_partitions
    from include.stores.lake.delta import exists
    from include.stores.lake.item_features import ITEM_FEATURES
    from include.stores.lake.quarantine import QUARANTINE
    from include.stores.lake.silver import FEEDBACK

    told = {}
    for spec in (FEEDBACK, QUARANTINE, ITEM_FEATURES):
        if not exists(settings, spec):
            continue
        if dry_run:
            told[spec.name] = crowded_partitions(settings, spec)
        else:
            told[spec.name] = compact_table(settings, spec)[0]
    what = "partitions with many small files" if dry_run else "small files that became one"
    log_summary(_log, f"lake: {what}", [{"table": name, "n": n} for name, n in told.items()])
    return told


def clean_airflow(settings: Settings, *, dry_run: bool) -> dict[str, int]:
    """Delete Airflow's runs beyond their horizon; return how many (would be) by DAG."""
    from include.stores.airflow import AirflowRuns

    now = datetime.now(UTC)
    told = {}
    with AirflowRuns(settings) as airflow:
        for dag_id in airflow.dags():
            days = SHORT_DAYS if dag_id in SHORT_LIVED else settings.airflow_horizon_days
            before = now - timedelta(days=days)
            count = (
                airflow.ended(dag_id, before)[0]
                if dry_run
                else airflow.delete_ended(dag_id, before)
            )
            if count:
                told[dag_id] = count
    log_summary(_log, "airflow: old runs", [{"dag": dag, "runs": n} for dag, n in told.items()])
    return told


def clean_spool(settings: Settings, *, dry_run: bool) -> int:
    """Delete spool files that can never be shipped: drafts of a day, refusals of the horizon.

    A file that waits to be shipped is never deleted, however old it is.
    """
    folder = settings.serving_spool_dir
    if folder is None or not folder.is_dir():
        _log.info("no spool folder here; the API's own host keeps it")
        return 0
    now = datetime.now(UTC).timestamp()
    ages = {".tmp": 1, **dict.fromkeys(KEPT_SUFFIXES, settings.lake_horizon_days)}
    old = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in ages and now - path.stat().st_mtime > ages[path.suffix] * 86_400
    ]
    for path in old:
        if not dry_run:
            path.unlink(missing_ok=True)
    _log.info("spool: %d old files%s", len(old), " would be deleted" if dry_run else " deleted")
    return len(old)
