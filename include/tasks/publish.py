"""Publish: bring the weights store up to what PostgreSQL says, one experiment at a time."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What one publish wrote.

    Attributes
    ----------
    live
        The pointer afterwards.
    written
        Versions whose snapshot was written to the store.
    """

    live: Pointer
    written: tuple[int, ...]


def publish_experiment(settings: Settings, slug: str) -> PublishReport:
    """Write the snapshots that the store lacks, move its pointer to the head, announce.

    The rows are in PostgreSQL already, so a publish that is cut off anywhere is finished
    by the next one, and doing it twice, or in two processes at once, changes nothing.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    StoreUnavailableError, ReportsUnavailableError
        If a part does not answer; what is live stays live.
    """
    with transaction(settings) as connection:
        chain = history(connection, slug)
    with WeightsStore(settings) as store:
        missing = _missing(store, slug, chain)
        # Oldest first; the pointer moves only once its snapshot is there.
        for published in missing:
            store.put(published)
        live = store.publish(chain[-1])
    _log.info("%s: v%d is live (%s)", slug, live.version, live.content_hash[:12])
    return PublishReport(live, tuple(published.version for published in missing))


def _missing(store: WeightsStore, slug: str, chain: list[Published]) -> list[Published]:
    """Return the snapshots newer than the store's pointer; all where it cannot be read."""
    at: Pointer | None = None
    with suppress(DamagedSnapshotError):
        at = store.pointer(slug)
    return [published for published in chain if at is None or published.version > at.version]
