"""Render an experiment's report into a file, and show it with the run of its batch."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from include.settings import Settings
from include.stores.reports.connection import connect

NAME: Final = "report.html"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """A page that was written.

    Attributes
    ----------
    path
        The file.
    link
        Where MLflow shows it; empty where the experiment has no run yet.
    """

    path: Path
    link: str


def render_report(settings: Settings, slug: str, folder: Path) -> Report:
    """Write ``<folder>/<slug>/report.html`` and store it with the newest run of the experiment.

    The same rows give the same page. The run is that of the newest judgement, or of the
    newest evaluation while there is no judgement.

    Parameters
    ----------
    settings
        Where PostgreSQL and MLflow are.
    slug
        Experiment.
    folder
        Where pages are kept; it is made where it is missing.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    ReportsUnavailableError
        If PostgreSQL cannot be reached.
    mlflow.exceptions.MlflowException
        If MLflow does not answer; the file is written by then.
    """
    from include.tasks.report.page import page
    from include.tasks.report.read import read_contents

    contents = read_contents(settings, slug)
    run = _newest_run(settings, slug)
    path = folder / slug / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(contents, link=run[1] if run else ""), "utf-8")
    if run is None:
        _log.info("%s has no MLflow run yet: the page is in %s alone", slug, path)
        return Report(path, "")
    _attach(settings, run[0], path)
    return Report(path, f"{run[1]}/artifacts/{NAME}")


def _newest_run(settings: Settings, slug: str) -> tuple[str, str] | None:
    with connect(settings) as connection:
        row = connection.execute(
            "select run_id, url from allot.tracking_run"
            " where experiment = %s and kind in ('judgement', 'evaluation')"
            " order by batch_id desc, kind = 'judgement' desc, logged_at desc limit 1",
            (slug,),
        ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def _attach(settings: Settings, run_id: str, path: Path) -> None:
    from include.stores.tracking import Tracker

    with connect(settings) as connection:
        Tracker(settings, connection).attach(run_id, path)
