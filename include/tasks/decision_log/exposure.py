"""Which decisions were shown: the same rules as the view ``allot.exposure_outcome``."""

from typing import TYPE_CHECKING

from include.experiments.exposure import Exposure
from include.tasks.decision_log.join import in_window

if TYPE_CHECKING:
    import polars as pl


def shown(decisions: "pl.DataFrame", exposures: "pl.DataFrame", rule: Exposure) -> "pl.DataFrame":
    """Return the decisions that were shown within their window, once per exposure.

    Parameters
    ----------
    decisions
        With ``decision_id`` and ``decided_at``, which are returned.
    exposures
        With ``decision_id`` and ``occurred_at``; which of several came first says nothing.
    rule
        The declared window. A client's clock may lie behind by less than an hour.
    """
    told = exposures.select("decision_id", "occurred_at")
    found = decisions.select("decision_id", "decided_at").join(told, on="decision_id")
    return found.filter(in_window(rule.window)).drop("occurred_at")


def with_exposed(
    decisions: "pl.DataFrame", exposures: "pl.DataFrame", rule: Exposure | None
) -> "pl.DataFrame":
    """Add ``exposed`` to decisions; null where exposure is not declared, so that all count."""
    import polars as pl

    if rule is None:
        return decisions.with_columns(pl.lit(None, pl.Boolean).alias("exposed"))
    ids = shown(decisions, exposures, rule)["decision_id"].unique()
    return decisions.with_columns(pl.col("decision_id").is_in(ids.implode()).alias("exposed"))
