"""Freeing the lake's space: files that no version within the audit horizon refers to."""

import logging

from include.settings import Settings
from include.stores.lake.vacuum import ORPHAN_HOURS
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)


def vacuum_lake(settings: Settings, *, orphan_hours: int = ORPHAN_HOURS) -> dict[str, int]:
    """Vacuum every table of the lake that exists; return the files deleted by table.

    Parameters
    ----------
    settings
        Where the lake is.
    orphan_hours
        How long files that no commit refers to are kept: longer than any writer runs.

    Raises
    ------
    LakeError
        If a table cannot be read or S3 refuses.
    """
    from include.stores.lake.delta import exists
    from include.stores.lake.item_features import ITEM_FEATURES
    from include.stores.lake.quarantine import QUARANTINE
    from include.stores.lake.silver import FEEDBACK
    from include.stores.lake.vacuum import vacuum_table

    tables = [spec for spec in (FEEDBACK, QUARANTINE, ITEM_FEATURES) if exists(settings, spec)]
    deleted = {
        spec.name: len(vacuum_table(settings, spec, orphan_hours=orphan_hours)) for spec in tables
    }
    log_summary(
        _log,
        "lake: files that nothing within the audit horizon refers to",
        [{"table": name, "files deleted": count} for name, count in deleted.items()],
    )
    return deleted
