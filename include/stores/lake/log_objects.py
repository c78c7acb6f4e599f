"""Bronze of the decision log: its records as Parquet, by the range of transactions they are of."""

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final

from include.contract.canonical import canonical_json
from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.bronze import (
    DECISION_LOG,
    PART_BYTES,
    BronzeObject,
    object_key,
    open_object,
    put_if_absent,
    read_manifest,
)
from include.stores.lake.storage import ensure_bucket, object_client

if TYPE_CHECKING:
    import polars as pl

SUFFIX: Final = ".parquet"
READERS: Final = 4


def put_records(
    settings: Settings, records: "pl.DataFrame", experiment: str, kind: str, *, now: datetime
) -> BronzeObject:
    """Store records in bronze, unless the same are there already.

    Parameters
    ----------
    settings
        Where the lake is.
    records
        In the order in which they are to stand: equal records give equal bytes.
    experiment, kind
        Whose, and ``decision`` or ``reward``.
    now
        When they came.
    """
    content = _as_parquet(records)
    sha256 = hashlib.sha256(content).hexdigest()
    key = records_key(experiment, kind, sha256)
    known = read_manifest(settings, key)
    if known is not None:
        return known
    client = object_client(settings)
    ensure_bucket(client, settings.bronze_bucket)
    result = client.put_object(
        settings.bronze_bucket,
        key,
        io.BytesIO(content),
        len(content),
        content_type="application/vnd.apache.parquet",
        part_size=PART_BYTES if len(content) > PART_BYTES else 0,
    )
    manifest = BronzeObject(
        dataset=DECISION_LOG,
        part=experiment,
        behavior_policy=kind,
        sha256=sha256,
        size=len(content),
        rows=records.height,
        source_name=f"allot.{kind}",
        etag=result.etag or "",
        first_seen=now.isoformat(),
        suffix=SUFFIX,
    )
    if put_if_absent(client, settings, f"{key}.manifest.json", canonical_json(asdict(manifest))):
        return manifest
    first = read_manifest(settings, key)
    if first is None:
        raise LakeError(f"manifest of {key} vanished from {settings.bronze_bucket}; run again")
    return first


def records_key(experiment: str, kind: str, sha256: str) -> str:
    """Return the key of records in bronze."""
    return object_key(DECISION_LOG, experiment, kind, sha256).removesuffix(".csv") + SUFFIX


def read_records(
    settings: Settings,
    experiment: str,
    kind: str,
    names: Sequence[str],
    columns: Sequence[str] | None = None,
) -> "list[pl.DataFrame]":
    """Read objects by their SHA-256, several at once, verified; all columns, or some.

    Raises
    ------
    LakeError
        If an object is not what its name says.
    """
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(lambda name: _read(settings, experiment, kind, name, columns), names))


def _read(
    settings: Settings, experiment: str, kind: str, sha256: str, columns: Sequence[str] | None
) -> "pl.DataFrame":
    import polars as pl

    key = records_key(experiment, kind, sha256)
    with open_object(settings, key) as stream:
        content = stream.read()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise LakeError(
            f"bronze object {key} does not hash to its name; restore it from a backup of "
            f"{settings.bronze_bucket}"
        )
    if columns is None:
        return pl.read_parquet(content)
    # What was exported before a column of text came has no value there.
    known = pl.read_parquet_schema(content)
    found = pl.read_parquet(content, columns=[name for name in columns if name in known])
    added = [pl.lit(None, pl.String).alias(name) for name in columns if name not in known]
    return found.with_columns(added).select(columns)


def _as_parquet(records: "pl.DataFrame") -> bytes:
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    table = records.to_arrow(compat_level=pl.CompatLevel.oldest())
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    content: bytes = sink.getvalue().to_pybytes()
    return content
