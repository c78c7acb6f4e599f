"""Bring the experiments folder into PostgreSQL."""

import logging
from pathlib import Path

from include.errors import ExperimentError
from include.experiments.files import load
from include.settings import Settings

_log = logging.getLogger(__name__)


def declared(settings: Settings) -> list[str]:
    """Return the names of the TOML files in the experiments folder, without reading them."""
    return sorted(path.stem for path in settings.experiments_dir.glob("*.toml"))


def sync_experiment(settings: Settings, name: str, *, submitted_by: str) -> str:
    """Register the declaration of one TOML file; the same one again changes nothing.

    Returns
    -------
    str
        What happened, for the log.

    Raises
    ------
    ExperimentError
        If the file breaks the schema or its limits, its policy or prior cannot be used, or it
        contradicts what is in force.
    """
    from include.bandit.allocation import check
    from include.stores.reports.experiments import Submission, register

    path: Path = settings.experiments_dir / f"{name}.toml"
    experiment = load(path)
    if ended(settings, experiment.slug):
        # What ended it stands in a revision of its own; the file is history.
        told = "a verdict ended it; its file is no longer read"
        _log.info("%s: %s", experiment.slug, told)
        return told
    check(experiment)
    submission = Submission("toml", submitted_by, f"file {path.name}")
    revision = register(settings, experiment, submission)
    told = f"revision {revision.number} in force ({revision.revision_hash[:12]})"
    _log.info("%s: %s", experiment.slug, told)
    return told


def ended(settings: Settings, slug: str) -> bool:
    """Tell whether a verdict ended an experiment, or a person concluded it."""
    from include.stores.reports.connection import transaction
    from include.stores.reports.decisions import has_ended
    from include.stores.reports.lifecycle import state_of

    with transaction(settings) as connection:
        over = state_of(connection, slug) in {"concluded", "archived"}
        return over or has_ended(connection, slug)


def sync_all(settings: Settings, *, submitted_by: str) -> dict[str, str]:
    """Register every TOML file; one that is refused does not hold up the others.

    Returns
    -------
    dict
        Files that were refused, and why.
    """
    refused: dict[str, str] = {}
    for name in declared(settings):
        try:
            sync_experiment(settings, name, submitted_by=submitted_by)
        except ExperimentError as error:
            _log.error("%s.toml is refused: %s", name, error)
            refused[name] = str(error)
    return refused


def registered(settings: Settings) -> list[str]:
    """Return the slugs of all experiments that PostgreSQL knows, however they came."""
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import slugs

    with transaction(settings) as connection:
        return slugs(connection)
