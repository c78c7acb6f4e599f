"""Which experiments the DAGs work on: those that run; the others are left out, and it is said."""

import logging

from include.contract.lifecycle import State
from include.settings import Settings

_log = logging.getLogger(__name__)


def running(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Return the slugs that run, and every other one with its state and the reason for it.

    Whatever TOML file or API call registered an experiment: it is here with the next run.
    """
    from include.stores.reports.connection import transaction
    from include.stores.reports.holds import states

    with transaction(settings) as connection:
        found = states(connection)
    skipped = {slug: _told(*known) for slug, known in found.items() if known[0] != "running"}
    for slug, told in skipped.items():
        _log.info("%s is left out: %s", slug, told)
    return [slug for slug in found if slug not in skipped], skipped


def _told(state: State, reason: str) -> str:
    return f"{state}: {reason}" if reason else state
