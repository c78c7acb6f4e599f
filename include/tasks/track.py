"""Track: show evaluations in MLflow, from their report rows; whatever is missing is put back."""

import logging
from collections.abc import Iterator
from dataclasses import asdict

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.evaluation import point_to_run
from include.stores.reports.evaluation_rows import read_evaluation, untracked
from include.stores.tracking import RunKey, TrackedRun, Tracker

KIND = "evaluation"
WAIT_SECONDS = 120.0

_log = logging.getLogger(__name__)


def track_evaluations(
    settings: Settings, slug: str, *, everything: bool = False
) -> Iterator[tuple[str, TrackedRun]]:
    """Record the newest evaluation, and those that were never shown; yield (batch, run).

    Nothing is computed here and nothing waits for it: the rows are in PostgreSQL. It may
    be repeated, run late, or run in two processes at once; there is one run for each.

    Parameters
    ----------
    settings
        Where PostgreSQL and MLflow are.
    slug
        Experiment.
    everything
        Look at every evaluation, as after MLflow lost runs.

    Raises
    ------
    ReportsUnavailableError
        If PostgreSQL cannot be reached.
    mlflow.exceptions.MlflowException
        If MLflow does not answer; run it again later.
    """
    from include.tasks.evaluation.run import content_of

    # Whoever records the same evaluation at the same moment waits for the other.
    with connect(settings, statement_seconds=WAIT_SECONDS) as connection:
        names = untracked(connection, slug, everything=everything)
        connection.commit()
        tracker = Tracker(settings, connection)
        for batch_id, statistics_hash in names:
            stored = read_evaluation(connection, slug, batch_id, statistics_hash)
            connection.commit()
            key = RunKey(slug, batch_id, statistics_hash, KIND)
            run = tracker.record(key, content_of(stored))
            named = {**asdict(key), "batch_id": batch_id, "statistics_hash": statistics_hash}
            point_to_run(connection, named, run_id=run.run_id, url=run.url)
            connection.commit()
            told = "created" if run.created else "completed" if run.logged else "was complete"
            _log.info("%s %s: run %s %s", slug, batch_id, run.run_id, told)
            yield batch_id, run
