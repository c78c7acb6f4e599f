"""Deleting the files of tables that no version within the audit horizon refers to."""

from typing import Final

from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.delta import TableSpec, open_table

# Longer than any task may run: files that are younger may be about to be committed.
ORPHAN_HOURS: Final = 24


def vacuum_table(
    settings: Settings, spec: TableSpec, *, orphan_hours: int = ORPHAN_HOURS
) -> list[str]:
    """Delete what a killed writer left, and what only versions beyond the horizon refer to.

    Every version that the table's log still has stays readable: the log is kept for the audit
    horizon. Safe to repeat and to run beside writers.

    Parameters
    ----------
    settings
        Where the lake is.
    spec
        A table that exists.
    orphan_hours
        Files that no commit refers to are kept for so long.

    Returns
    -------
    list of str
        Paths of the files that were deleted, within the table.

    Raises
    ------
    LakeError
        If the table's log reaches back to no version, or S3 refuses.
    """
    from deltalake.exceptions import DeltaError

    table = open_table(settings, spec)
    kept = [int(entry["version"]) for entry in table.history()]
    if not kept:
        raise LakeError(f"table {spec.name} tells no history; nothing of it was deleted")

    def unreferenced(*, dry_run: bool) -> list[str]:
        return table.vacuum(
            retention_hours=orphan_hours,
            dry_run=dry_run,
            # The horizon is held by keep_versions; the hours are of files without a version.
            enforce_retention_duration=False,
            full=True,
            keep_versions=kept,
        )

    try:
        # A vacuum is a version of its own: none where there is nothing to do.
        return unreferenced(dry_run=False) if unreferenced(dry_run=True) else []
    except (DeltaError, OSError) as error:
        raise LakeError(
            f"files of table {spec.name} could not be deleted: {error}. Nothing that a version "
            "refers to was touched; look at `make status`, then run again"
        ) from error
