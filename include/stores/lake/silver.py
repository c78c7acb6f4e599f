"""Silver: typed, validated feedback, one row per decision, in a Delta table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.open_bandit import USER_FEATURES
from include.contract.canonical import Json, content_hash
from include.settings import Settings
from include.stores.lake.content_hash import RowHash
from include.stores.lake.delta import TableSpec, open_table, partition_values
from include.stores.lake.replacement import Replacement
from include.stores.lake.storage import delta_options

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

FEEDBACK: Final = TableSpec(
    name="feedback",
    columns={
        "source": "string",
        "behavior_policy": "string",
        "batch_id": "string",
        "row_id": "string",
        "decided_at": "timestamp",
        "arm": "int16",
        "position": "int8",
        "reward": "float64",
        "pscore": "float64",
        **dict.fromkeys(USER_FEATURES, "string"),
        # Of the API's own log only: a foreign log names neither.
        "decision_id": "string",
        "unit": "string",
        "cell": "string",
        # Named numbers as JSON; see include/contract/named_numbers.py.
        "metrics": "string",
        "covariates": "string",
        # Where its experiment declares exposures: whether it was shown.
        "exposed": "bool",
    },
    partition_by=("source", "behavior_policy", "batch_id"),
    encodings={
        "row_id": "DELTA_BYTE_ARRAY",
        "decided_at": "DELTA_BINARY_PACKED",
        "decision_id": "DELTA_BYTE_ARRAY",
    },
)
ROW_COLUMNS: Final = tuple(name for name in FEEDBACK.columns if name not in FEEDBACK.partition_by)
# About as many rows are kept in memory and share a file: few large row groups read fastest.
FILE_ROWS: Final = 1_000_000
_PREFIX: Final = 16
_DIGITS: Final = 10


@dataclass(frozen=True, slots=True)
class SilverContent:
    """What a source's silver holds after a replacement.

    Attributes
    ----------
    lake_version
        A version of the table that holds it.
    content_hash
        Over all batches.
    batches
        Batch to its number of rows and content hash.
    """

    lake_version: int
    content_hash: str
    batches: Mapping[str, tuple[int, str]]


class FeedbackReplacement:
    """New feedback of one source and behavior policy, replacing all that is there."""

    def __init__(self, settings: Settings, source: str, behavior_policy: str) -> None:
        self._keys = {"source": source, "behavior_policy": behavior_policy}
        self._replacement = Replacement(settings, FEEDBACK, self._keys)
        self._hashes: dict[str, RowHash] = {}
        self._pending: dict[str, list[pa.Table]] = {}
        self._pending_rows = 0

    def write(self, batch_id: str, rows: "pa.Table") -> None:
        """Add rows of a batch, with ids above those added before."""
        self._hashes.setdefault(batch_id, RowHash()).update(rows)
        self._pending.setdefault(batch_id, []).append(rows)
        self._pending_rows += rows.num_rows
        if self._pending_rows >= FILE_ROWS:
            self._upload()

    def _upload(self) -> None:
        """Write what was added since the last time, one file per batch."""
        import pyarrow as pa

        for batch_id, parts in self._pending.items():
            # Every block has categories of its own.
            rows = pa.concat_tables(parts).unify_dictionaries()
            self._replacement.write({**self._keys, "batch_id": batch_id}, rows)
        self._pending, self._pending_rows = {}, 0

    def commit(self, metadata: Mapping[str, str]) -> SilverContent:
        """Make the rows visible at once; see `Replacement.commit`."""
        self._upload()
        batches = {
            batch: (digest.rows, digest.hexdigest()) for batch, digest in self._hashes.items()
        }
        name = set_hash({batch: digest for batch, (_, digest) in batches.items()})
        rows = sum(count for count, _ in batches.values())
        version = self._replacement.commit(name, {**metadata, "allot.rows": str(rows)})
        return SilverContent(version, name, batches)

    def discard(self) -> None:
        """Delete what was uploaded; only before `commit`."""
        self._replacement.discard()


def set_hash(batches: Mapping[str, str]) -> str:
    """Name the rows of several batches by the hashes of each."""
    pairs: list[Json] = [[batch, batches[batch]] for batch in sorted(batches)]
    return content_hash(pairs)


def row_ids(bronze_sha256: str, row_numbers: NDArray[np.int64]) -> "pa.Array":
    """Name rows by their object and line, as ``1f3a…-0000000042``, so that text order is row order.

    Raises
    ------
    ValueError
        If a row number has more than ten digits.
    """
    import pyarrow as pa

    count = len(row_numbers)
    if count and not 0 <= row_numbers.min() <= row_numbers.max() < 10**_DIGITS:
        raise ValueError(f"row numbers do not fit into {_DIGITS} digits")
    prefix = f"{bronze_sha256[:_PREFIX]}-".encode()
    text = np.empty((count, len(prefix) + _DIGITS), np.uint8)
    text[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    rest = row_numbers.copy()
    for column in range(text.shape[1] - 1, len(prefix) - 1, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, column] = digit + ord("0")
    offsets = np.arange(count + 1, dtype=np.int32) * text.shape[1]
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text.reshape(-1))]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def scan_feedback(
    settings: Settings,
    source: str,
    behavior_policy: str,
    batch_id: str | None = None,
    *,
    version: int | None = None,
) -> "pl.LazyFrame":
    """Scan feedback lazily; only the files of the named partitions are read.

    Parameters
    ----------
    settings
        Where the lake is.
    source
        As ``open_bandit-men``, or an experiment's slug.
    behavior_policy
        As ``random``, or a weights version ``v12``.
    batch_id
        One batch; all when left out.
    version
        Version of the Delta table; the newest when left out.

    Raises
    ------
    LakeError
        If silver was never written, or the version is gone.
    """
    import polars as pl

    table = open_table(settings, FEEDBACK, version)
    frame = pl.scan_delta(table, storage_options=delta_options(settings))
    wanted = (pl.col("source") == source) & (pl.col("behavior_policy") == behavior_policy)
    return frame.filter(wanted if batch_id is None else wanted & of_batches([batch_id]))


def counted(rows: "pl.LazyFrame") -> "pl.LazyFrame":
    """Leave out rows of decisions that were not shown, where that is declared to matter."""
    import polars as pl

    if "exposed" not in rows.collect_schema().names():
        return rows
    return rows.filter(pl.col("exposed").fill_null(value=True))


def of_batches(batch_ids: Sequence[str]) -> "pl.Expr":
    """Tell whether a row of a scan is of some batches.

    Folders leave out the colons of a batch id, and polars reads partition values from folders.
    """
    import polars as pl

    return pl.col("batch_id").is_in([name.replace(":", "") for name in batch_ids] + [*batch_ids])


def silver_batches(
    settings: Settings, source: str, behavior_policy: str, *, version: int | None = None
) -> tuple[list[str], int]:
    """Return the batches that silver holds, in order, and the version of the table."""
    table = open_table(settings, FEEDBACK, version)
    filters = [("source", "=", source), ("behavior_policy", "=", behavior_policy)]
    return partition_values(table, "batch_id", filters), int(table.version())


def partition_hash(
    settings: Settings,
    source: str,
    behavior_policy: str,
    batch_id: str,
    *,
    version: int | None = None,
) -> str:
    """Compute the content hash of a batch from its rows, whatever files they lie in."""
    import polars as pl

    frame = scan_feedback(settings, source, behavior_policy, batch_id, version=version)
    rows = frame.select(ROW_COLUMNS).sort("row_id")
    rows = rows.with_columns(pl.col(*USER_FEATURES).cast(pl.Categorical))
    digest = RowHash()
    digest.update(rows.collect().to_arrow())
    return digest.hexdigest()
