"""Batches of the decision log in silver: all versions of a batch are replaced at once."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from include.settings import Settings
from include.stores.lake.content_hash import RowHash
from include.stores.lake.delta import open_table
from include.stores.lake.replacement import Replacement
from include.stores.lake.silver import FEEDBACK, SilverContent, set_hash
from include.stores.lake.storage import delta_options

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from deltalake import DeltaTable


def replace_batch(
    settings: Settings,
    experiment: str,
    batch_id: str,
    rows: "Mapping[str, pa.Table]",
    *,
    fence: "DeltaTable",
) -> SilverContent:
    """Replace a batch by its rows, in one atomic commit.

    Parameters
    ----------
    settings
        Where the lake is.
    experiment, batch_id
        Which batch.
    rows
        Behavior policy to its rows, in ``row_id`` order.
    fence
        Silver as it was before the rows were computed.

    Returns
    -------
    SilverContent
        Behavior policies stand in the place of batches.

    Raises
    ------
    ConcurrentReplacementError
        If another run replaced the batch by other rows since the fence.
    """
    keys = {"source": experiment, "batch_id": batch_id}
    replacement = Replacement(settings, FEEDBACK, keys, fence=fence)
    counted = {}
    for policy in sorted(rows):
        digest = RowHash()
        digest.update(rows[policy])
        counted[policy] = (digest.rows, digest.hexdigest())
        replacement.write({**keys, "behavior_policy": policy}, rows[policy])
    name = set_hash({policy: digest for policy, (_, digest) in counted.items()})
    total = sum(count for count, _ in counted.values())
    version = replacement.commit(name, {"allot.rows": str(total)})
    return SilverContent(version, name, counted)


def scan_log(settings: Settings, experiment: str, *, version: int | None = None) -> "pl.LazyFrame":
    """Scan all rows of an experiment's decision log, flagged ones too."""
    import polars as pl

    table = open_table(settings, FEEDBACK, version)
    frame = pl.scan_delta(table, storage_options=delta_options(settings))
    # A version from before a column of text came has no value there.
    known = {field.name for field in table.schema().fields}
    added = [pl.lit(None, pl.String).alias(n) for n in FEEDBACK.columns if n not in known]
    frame = frame.with_columns(added) if added else frame
    return frame.filter(pl.col("source") == experiment)
