"""Batches of the decision log in silver: all versions of a batch are replaced at once."""

from collections import defaultdict
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


class BatchReplacement:
    """A batch's new rows, piece by piece, invisible until `commit`.

    Parameters
    ----------
    settings
        Where the lake is.
    experiment, batch_id
        Which batch.
    fence
        Silver as it was before the rows were computed.
    """

    def __init__(
        self, settings: Settings, experiment: str, batch_id: str, *, fence: "DeltaTable"
    ) -> None:
        self._keys = {"source": experiment, "batch_id": batch_id}
        self._replacement = Replacement(settings, FEEDBACK, self._keys, fence=fence)
        self._digests: defaultdict[str, RowHash] = defaultdict(RowHash)

    def add(self, rows: "Mapping[str, pa.Table]") -> None:
        """Upload further rows by behavior policy, in ``row_id`` order over all pieces."""
        for policy, table in rows.items():
            self._digests[policy].update(table)
            self._replacement.write({**self._keys, "behavior_policy": policy}, table)

    def commit(self) -> SilverContent:
        """Make the rows the batch, in one atomic commit.

        Returns
        -------
        SilverContent
            Behavior policies stand in the place of batches.

        Raises
        ------
        ConcurrentReplacementError
            If another run replaced the batch by other rows since the fence.
        """
        counted = {
            policy: (digest.rows, digest.hexdigest())
            for policy, digest in sorted(self._digests.items())
        }
        name = set_hash({policy: digest for policy, (_, digest) in counted.items()})
        total = sum(count for count, _ in counted.values())
        version = self._replacement.commit(name, {"allot.rows": str(total)})
        return SilverContent(version, name, counted)

    def discard(self) -> None:
        """Delete what was uploaded."""
        self._replacement.discard()


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
