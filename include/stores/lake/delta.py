"""Delta tables of the lake: how they are declared, created and opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.storage import delta_options, ensure_bucket, object_client, table_uri

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


@dataclass(frozen=True)
class TableSpec:
    """A Delta table of the lake.

    Attributes
    ----------
    name
        Folder in the silver bucket.
    columns
        Name to Arrow type, as ``{"arm": "int16"}``.
    partition_by
        Partition columns, all text.
    encodings
        Parquet encodings of columns that shrink by them.
    """

    name: str
    columns: Mapping[str, str]
    partition_by: tuple[str, ...]
    encodings: Mapping[str, str]

    def schema(self) -> "pa.Schema":
        """Return the Arrow schema, partition columns included."""
        import pyarrow as pa

        kinds = {"timestamp": pa.timestamp("us", tz="UTC")}
        return pa.schema(
            [
                pa.field(name, kinds.get(kind) or pa.type_for_alias(kind))
                for name, kind in self.columns.items()
            ]
        )


def ensure_table(settings: Settings, spec: TableSpec) -> "DeltaTable":
    """Open a table, creating it if needed with the audit horizon as its retention."""
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    uri, options = table_uri(settings, spec.name), delta_options(settings)
    # Nearly always it is there: asking first would list its log once more.
    try:
        return _with_columns(DeltaTable(uri, storage_options=options), spec)
    except DeltaError:
        if DeltaTable.is_deltatable(uri, options):
            raise
    ensure_bucket(object_client(settings), settings.silver_bucket)
    horizon = f"interval {settings.lake_horizon_days} days"
    try:
        return DeltaTable.create(
            uri,
            spec.schema(),
            mode="ignore",
            partition_by=list(spec.partition_by),
            # delta-rs would forget versions after 30 days.
            configuration={
                "delta.logRetentionDuration": horizon,
                "delta.deletedFileRetentionDuration": horizon,
            },
            storage_options=options,
        )
    except DeltaError:
        # Another process may have created it at the same moment.
        if not DeltaTable.is_deltatable(uri, options):
            raise
        return DeltaTable(uri, storage_options=options)


def _with_columns(table: "DeltaTable", spec: TableSpec) -> "DeltaTable":
    """Add the columns that a table lacks since it was created; its older rows have none there."""
    from deltalake import Field
    from deltalake.exceptions import DeltaError
    from deltalake.schema import PrimitiveType

    known = {field.name for field in table.schema().fields}
    # Delta's name of a type is not always Arrow's; no columns of others came later.
    kinds = {"string": "string", "bool": "boolean"}
    added = [
        Field(name, PrimitiveType(kinds[kind]))
        for name, kind in spec.columns.items()
        if name not in known
    ]
    if not added:
        return table
    try:
        table.alter.add_columns(added)
    except DeltaError:
        # Another process may have added them at the same moment.
        table.update_incremental()
        if any(field.name not in {f.name for f in table.schema().fields} for field in added):
            raise
    return table


def open_table(settings: Settings, spec: TableSpec, version: int | None = None) -> "DeltaTable":
    """Open a table, as of a version if one is given.

    Raises
    ------
    LakeError
        If the table does not exist or the version is no longer there.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    uri = table_uri(settings, spec.name)
    try:
        return DeltaTable(uri, version=version, storage_options=delta_options(settings))
    except DeltaError as error:
        raise LakeError(
            f"table {uri}{'' if version is None else f' at version {version}'} cannot be opened: "
            f"{error}. Has ingest_open_bandit run, and is S3 up (`make status`)?"
        ) from error


def exists(settings: Settings, spec: TableSpec) -> bool:
    """Tell whether a table was ever written; an error where the lake cannot be asked."""
    from deltalake import DeltaTable

    return bool(
        DeltaTable.is_deltatable(
            table_uri(settings, spec.name), storage_options=delta_options(settings)
        )
    )


def partition_values(
    table: "DeltaTable", column: str, filters: Sequence[tuple[str, str, str]]
) -> list[str]:
    """Return the distinct values of a partition column among partitions that match, sorted."""
    rows = table.partitions(file_pruning_predicate=list(filters))
    return sorted({row[column] for row in rows})
