"""Source → bronze: the files of a log, unchanged, each stored once."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from include.bandit.open_bandit import DATASET, Log
from include.settings import Settings
from include.stores.lake.bronze import BronzeObject, put_file
from include.stores.lake.open_bandit_files import locate
from include.stores.reports.lake import write_bronze_object
from include.tasks.summary import log_summary

ITEMS_DATASET: Final = "open_bandit_items"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestedLog:
    """What ingesting a log brought: keys of its objects in bronze.

    Attributes
    ----------
    campaign, behavior_policy
        Which log.
    log_key, items_key
        Keys of the log and of its item features.
    rows
        Lines below the log's header.
    stored
        Whether the log's bytes were new.
    """

    campaign: str
    behavior_policy: str
    log_key: str
    items_key: str
    rows: int
    stored: bool


def ingest_log(settings: Settings, campaign: str, behavior_policy: str, source: str) -> IngestedLog:
    """Store a log of the Open Bandit Dataset and its item features in bronze.

    Parameters
    ----------
    settings
        Where the lake is.
    campaign
        ``all``, ``men`` or ``women``.
    behavior_policy
        ``random`` or ``bts``.
    source
        ``obp sample``, or a folder in the release's layout.

    Raises
    ------
    SourceError
        If a file is missing, empty or unreadable.
    SourceChangedError
        If a file changes while it is read.
    """
    log = Log(campaign, behavior_policy)
    root = locate(source)
    given = _Source(source, root)
    found, stored = _put(settings, given, log.path(root), DATASET, log)
    items, items_stored = _put(settings, given, log.item_context_path(root), ITEMS_DATASET, log)
    log_summary(
        _log,
        f"bronze: campaign {campaign}, behavior policy {behavior_policy}",
        [_line(found, new=stored), _line(items, new=items_stored)],
    )
    return IngestedLog(campaign, behavior_policy, found.key, items.key, found.rows, stored)


@dataclass(frozen=True, slots=True)
class _Source:
    """A source as it was named, and the folder that it is on this machine."""

    name: str
    root: Path

    def name_of(self, path: Path) -> str:
        """Name a file of it, as ``obp sample: random/men/men.csv``."""
        return f"{self.name}: {path.relative_to(self.root)}"


def _put(
    settings: Settings, source: _Source, path: Path, dataset: str, log: Log
) -> tuple[BronzeObject, bool]:
    found, stored = put_file(
        settings,
        path,
        dataset,
        log.campaign,
        log.behavior_policy,
        source_name=source.name_of(path),
        now=datetime.now(UTC),
    )
    write_bronze_object(settings, found)
    return found, stored


def _line(found: BronzeObject, *, new: bool) -> dict[str, object]:
    return {
        "object": f"{found.dataset}/{found.sha256[:12]}",
        "rows": found.rows,
        "bytes": found.size,
        "stored now": "yes" if new else "no, same bytes are there",
    }
