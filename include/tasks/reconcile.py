"""Reconcile: make the weights store say again what PostgreSQL has published.

The store is a cache that may lose its newest writes, start empty, or hold damaged
values; PostgreSQL is the only arbiter.
"""

import logging
from dataclasses import dataclass

from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.experiments import slugs
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Healing:
    """What was wrong with one experiment in the store, and was put right.

    Attributes
    ----------
    damage
        A line per damage; empty where the store was right.
    """

    experiment: str
    version: int
    damage: tuple[str, ...]


def reconcile_all(settings: Settings) -> list[Healing]:
    """Reconcile every registered experiment; see `reconcile_experiment`."""
    with transaction(settings) as connection:
        known = slugs(connection)
    return [reconcile_experiment(settings, slug) for slug in known]


def reconcile_experiment(settings: Settings, slug: str) -> Healing:
    """Heal missing, damaged and outdated values of one experiment in the store.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    StoreUnavailableError, ReportsUnavailableError
        If a part does not answer.
    """
    with WeightsStore(settings) as store:
        # The pointer is read before PostgreSQL: a publisher inserts the row first, so a
        # pointer beyond the rows read afterwards names a version that never was published.
        seen, damage = _pointer(store, slug)
        with transaction(settings) as connection:
            chain = history(connection, slug)
        damage += _heal_snapshots(store, chain)
        damage += _heal_pointer(store, seen, chain)
        if not store.lists(slug):
            damage.append("missing from the set of experiments")
            store.list_experiment(slug)
    if damage:
        _log.warning("%s: healed %s", slug, "; ".join(damage))
    return Healing(slug, chain[-1].version, tuple(damage))


def _pointer(store: WeightsStore, slug: str) -> tuple[Pointer | None, list[str]]:
    try:
        seen = store.pointer(slug)
    except DamagedSnapshotError as error:
        return None, [f"damaged pointer ({error})"]
    return seen, [] if seen is not None else ["missing pointer"]


def _heal_snapshots(store: WeightsStore, chain: list[Published]) -> list[str]:
    damage: list[str] = []
    for published in chain:
        problem = _problem(store, published)
        if problem is not None:
            store.put(published)
            damage.append(problem)
    return damage


def _problem(store: WeightsStore, published: Published) -> str | None:
    try:
        found = store.snapshot(published.pointer())
    except DamagedSnapshotError as error:
        return f"damaged v{published.version} ({error})"
    if found is None:
        return f"missing v{published.version}"
    return None if found == published else f"foreign provenance of v{published.version}"


def _heal_pointer(store: WeightsStore, seen: Pointer | None, chain: list[Published]) -> list[str]:
    newest = chain[-1].pointer()
    if seen == newest:
        return []
    damage: list[str] = []
    if seen is not None and seen.version > newest.version:
        store.reset(newest, seen)
        damage.append(f"pointer to v{seen.version}, which was never published")
    elif seen is not None:
        damage.append(f"pointer to v{seen.version} instead of v{newest.version}")
    store.announce(store.advance(newest))
    return damage
