"""Bronze → silver for the items of a log: a small table, all of it or none."""

import io
import logging
from typing import TYPE_CHECKING

from include.bandit.open_bandit import ITEM_COLUMNS, Log, source_of
from include.errors import SourceError
from include.settings import Settings
from include.stores.lake.bronze import open_object
from include.stores.lake.item_features import FEATURES, replace_item_features
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    import polars as pl

_log = logging.getLogger(__name__)


def load_item_features(
    settings: Settings, campaign: str, behavior_policy: str, items_key: str
) -> dict[str, int | str]:
    """Make the item features of a log silver.

    Raises
    ------
    SourceError
        If a column, an item or a value is missing or wrong; silver is untouched.
    """
    log = Log(campaign, behavior_policy)
    with open_object(settings, items_key) as stream:
        rows = parse_items(stream.read(), log)
    version = replace_item_features(settings, source_of(campaign), behavior_policy, rows)
    log_summary(
        _log,
        f"item features: campaign {campaign}, behavior policy {behavior_policy}",
        [{"items": rows.height, "features": len(FEATURES), "lake version": version}],
    )
    return {"items": rows.height, "lake_version": version}


def parse_items(content: bytes, log: Log) -> "pl.DataFrame":
    """Parse the item features of a campaign.

    Raises
    ------
    SourceError
        Naming what is missing or wrong.
    """
    import polars as pl

    where = f"campaign {log.campaign}, behavior policy {log.behavior_policy}, item_context.csv"
    header = content.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "replace").split(",")
    if header != list(ITEM_COLUMNS):
        raise SourceError(
            f"{where}: columns are {', '.join(header)}; expected {', '.join(ITEM_COLUMNS)}"
        )
    kinds = [pl.String, pl.Int16, pl.Float64, *[pl.String] * 3]
    try:
        frame = pl.read_csv(io.BytesIO(content), schema=dict(zip(ITEM_COLUMNS, kinds, strict=True)))
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{where}: {str(error).splitlines()[0]}") from error
    items = frame["item_id"].sort().to_list()
    if items != list(range(log.items)):
        raise SourceError(
            f"{where}: items are {items[:5]} …; expected each of 0 … {log.items - 1} once"
        )
    if frame.select(FEATURES).null_count().sum_horizontal().item():
        raise SourceError(f"{where}: a feature is empty; deliver the file anew")
    return frame.select(pl.col("item_id").alias("arm"), *FEATURES).sort("arm")
