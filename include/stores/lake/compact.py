"""Compaction: the small files of a partition become one; no row, and no hash, changes."""

from collections import Counter
from typing import Final

from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.delta import TableSpec, open_table

# Fewer small files than this are cheaper to read than to rewrite.
FEW_FILES: Final = 4
SMALL_BYTES: Final = 32 * 2**20


def crowded_partitions(settings: Settings, spec: TableSpec) -> int:
    """Count the partitions of a table that have many small files."""
    import pyarrow as pa

    table = open_table(settings, spec)
    actions = pa.table(table.get_add_actions(flatten=True))
    keys = [name for name in actions.column_names if name.startswith("partition.")]
    rows = actions.select([*keys, "size_bytes"]).to_pylist()
    small = Counter(
        tuple(row[key] for key in keys) for row in rows if row["size_bytes"] < SMALL_BYTES
    )
    return sum(1 for count in small.values() if count >= FEW_FILES)


def compact_table(settings: Settings, spec: TableSpec) -> tuple[int, int]:
    """Compact a table where that pays; return how many files were replaced by how many.

    Older versions stay readable until `vacuum_lake` finds them beyond the audit horizon.

    Raises
    ------
    LakeError
        If a writer was quicker, or S3 refuses; nothing changed then.
    """
    from deltalake.exceptions import DeltaError

    if not crowded_partitions(settings, spec):
        return 0, 0
    try:
        done = open_table(settings, spec).optimize.compact()
    except (DeltaError, OSError) as error:
        raise LakeError(
            f"table {spec.name} could not be compacted: {error}. It is as it was; run it again "
            "when no ingest is under way"
        ) from error
    return int(done["numFilesRemoved"]), int(done["numFilesAdded"])
