"""Quarantine: every refused row, as it came, with the name of the expectation that refused it."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Final

from include.settings import Settings
from include.stores.lake.bronze import DECISION_LOG
from include.stores.lake.delta import TableSpec, open_table
from include.stores.lake.replacement import Replacement
from include.stores.lake.storage import delta_options

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

QUARANTINE: Final = TableSpec(
    name="quarantine",
    columns={
        "source": "string",
        "behavior_policy": "string",
        "bronze": "string",
        "row_id": "string",
        "row_number": "int64",
        "batch_id": "string",
        "arm": "int16",
        "expectation": "string",
        "all_expectations": "string",
        "raw": "string",
    },
    partition_by=("source", "behavior_policy", "bronze"),
    encodings={},
)
# A line longer than this is cut: bronze has the whole.
RAW_CHARACTERS: Final = 8_192


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that an expectation refused.

    Attributes
    ----------
    row_id
        As it would have been in silver.
    row_number
        Line in its bronze object, from 1 below the header.
    batch_id, arm
        Where the row says so readably, else None.
    expectation
        The first that refused it.
    all_expectations
        All that refused it, with commas between.
    raw
        The line as it came; bytes that are no text are escaped.
    """

    row_id: str
    row_number: int
    batch_id: str | None
    arm: int | None
    expectation: str
    all_expectations: str
    raw: str


def replace_quarantine(
    settings: Settings,
    source: str,
    behavior_policy: str,
    bronze_sha256: str,
    rows: Sequence[RefusedRow],
    *,
    identity: str,
) -> int:
    """Replace the refused rows of one bronze object; return the table's version."""
    keys = {"source": source, "behavior_policy": behavior_policy, "bronze": bronze_sha256[:16]}
    return _replace(Replacement(settings, QUARANTINE, keys), keys, rows, identity)


def replace_batch_quarantine(
    settings: Settings,
    experiment: str,
    batch_id: str,
    rows: Sequence[RefusedRow],
    *,
    identity: str,
    fence: "DeltaTable",
) -> None:
    """Replace the refused rows of one batch of the decision log, unless there never were any.

    A batch comes from several bronze objects; its name stands in their place.
    """
    keys = {"source": experiment, "behavior_policy": DECISION_LOG, "bronze": batch_id}
    replacement = Replacement(settings, QUARANTINE, keys, fence=fence)
    if rows or replacement.ever_replaced:
        _replace(replacement, keys, rows, identity)


def _replace(
    replacement: Replacement, keys: Mapping[str, str], rows: Sequence[RefusedRow], identity: str
) -> int:
    import pyarrow as pa

    if rows:
        names = [field.name for field in fields(RefusedRow)]
        columns = dict(zip(names, zip(*map(astuple, rows), strict=True), strict=True))
        schema = QUARANTINE.schema()
        replacement.write(
            keys,
            pa.table(
                {
                    name: pa.array(values, schema.field(name).type)
                    for name, values in columns.items()
                }
            ),
        )
    return replacement.commit(identity, {"allot.rows": str(len(rows))})


def scan_quarantine(
    settings: Settings, source: str, behavior_policy: str, bronze_sha256: str
) -> "pl.LazyFrame":
    """Scan the refused rows of a bronze object."""
    import polars as pl

    table = open_table(settings, QUARANTINE)
    frame = pl.scan_delta(table, storage_options=delta_options(settings))
    return frame.filter(
        (pl.col("source") == source)
        & (pl.col("behavior_policy") == behavior_policy)
        & (pl.col("bronze") == bronze_sha256[:16])
    )
