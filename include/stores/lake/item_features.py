"""Item features: one row per item, campaign and behavior policy, since the two policies differ."""

import hashlib
from typing import TYPE_CHECKING, Final

from include.settings import Settings
from include.stores.lake.delta import TableSpec, open_table
from include.stores.lake.replacement import Replacement
from include.stores.lake.storage import delta_options

if TYPE_CHECKING:
    import polars as pl

ITEM_FEATURES: Final = TableSpec(
    name="item_features",
    columns={
        "source": "string",
        "behavior_policy": "string",
        "arm": "int16",
        "item_feature_0": "float64",
        "item_feature_1": "string",
        "item_feature_2": "string",
        "item_feature_3": "string",
    },
    partition_by=("source", "behavior_policy"),
    encodings={},
)
FEATURES: Final = tuple(ITEM_FEATURES.columns)[3:]


def replace_item_features(
    settings: Settings, source: str, behavior_policy: str, rows: "pl.DataFrame"
) -> int:
    """Replace the features of a log's items; return the table's version.

    Parameters
    ----------
    settings
        Where the lake is.
    source, behavior_policy
        Which log.
    rows
        ``arm`` (int16) and the four features, sorted by arm.
    """
    import polars as pl

    keys = {"source": source, "behavior_policy": behavior_policy}
    replacement = Replacement(settings, ITEM_FEATURES, keys)
    replacement.write(keys, rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
    identity = hashlib.sha256(rows.write_csv().encode()).hexdigest()
    return replacement.commit(identity, {"allot.rows": str(rows.height)})


def read_item_features(settings: Settings, source: str, behavior_policy: str) -> "pl.DataFrame":
    """Return the features of a log's items, sorted by arm."""
    import polars as pl

    table = open_table(settings, ITEM_FEATURES)
    return (
        pl.scan_delta(table, storage_options=delta_options(settings))
        .filter((pl.col("source") == source) & (pl.col("behavior_policy") == behavior_policy))
        .select("arm", *FEATURES)
        .sort("arm")
        .collect()
    )
