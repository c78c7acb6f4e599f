"""From decisions to rows of silver: one per position, with what is expected of each."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from include.bandit.open_bandit import USER_FEATURES
from include.contract.named_numbers import added_text
from include.contract.weights import BUCKETS, WeightsContent
from include.experiments.schema import Experiment

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

# Clocks of the API and of the database differ by less.
AHEAD: Final = timedelta(minutes=1)
_SLOTS: Final = ("arms", "arm_ids", "shares")


def rows_of(
    decisions: "pl.DataFrame",
    joined: "pl.DataFrame",
    experiment: Experiment,
    published: Mapping[int, tuple[str, WeightsContent]],
) -> "pl.DataFrame":
    """Return one row per decision and position, sorted by ``row_id``.

    Parameters
    ----------
    decisions
        As exported, with ``batch_id``, ``decision_unique`` and ``exposed``.
    joined
        Rewards by decision, of `join.joined`. Every position has the decision's reward.
    experiment
        Declares arms, positions and what a missing reward means.
    published
        Version to its name and content.

    Returns
    -------
    DataFrame
        Columns of silver, ``behavior_policy``, and the truth values that the suite expects.
    """
    import polars as pl

    known = [None if text is None else added_text([text]) for text in decisions["covariates"]]
    decisions = decisions.with_columns(pl.Series("covariates", known, pl.String))
    slots = decisions.drop("strategy", "buckets").join(joined, on="decision_id", how="left")
    slots = slots.with_columns(
        pl.int_ranges(pl.col("arms").list.len(), dtype=pl.Int8).alias("position")
    ).explode(*_SLOTS, "position")
    missing = pl.lit(experiment.reward.missing, pl.Float64)
    slots = slots.with_columns(
        pl.col("reward").fill_null(missing) + 0.0, pl.col("joined").fill_null(0)
    )
    return (
        _judged(slots, experiment, published)
        .with_columns(
            pl.format(
                "{}/{}", "decision_id", pl.col("position").cast(pl.String).str.zfill(2)
            ).alias("row_id"),
            # polars multiplies by the reciprocal, which is another number: 0.33340000000000003.
            pl.Series("pscore", slots["shares"].to_numpy() / BUCKETS),
            pl.coalesce("flag", pl.format("v{}", "version")).alias("behavior_policy"),
            pl.col("arms").alias("arm"),
        )
        .sort("row_id", "decision_unique", descending=[False, True])
    )


def _judged(
    slots: "pl.DataFrame",
    experiment: Experiment,
    published: Mapping[int, tuple[str, WeightsContent]],
) -> "pl.DataFrame":
    """Compare every slot with the weights version that it names."""
    import polars as pl

    versions, cells, offers = _tables(published)
    declared = pl.DataFrame(
        {"arms": range(len(experiment.arms)), "declared": experiment.arms},
        schema={"arms": pl.Int16, "declared": pl.String},
    )
    known = (
        slots.join(versions, on="version", how="left")
        .join(cells, on=["version", "cell"], how="left")
        .join(offers, on=["version", "cell", "position", "arms"], how="left")
        .join(declared, on="arms", how="left")
    )
    drawn, name = pl.col("flag").is_null(), pl.col("arm_ids")
    facts = {
        "time_not_in_future": pl.col("decided_at") <= pl.col("received_at") + AHEAD,
        "version_known": pl.col("content_hash") == pl.col("published"),
        "cell_known": pl.col("slots").is_not_null(),
        "position_known": (pl.col("position") < pl.col("slots"))
        & (pl.col("position") < experiment.positions),
        "arm_known": (name == pl.col("offered")) & (name == pl.col("declared")),
        "propensity_published": pl.when(drawn)
        .then(pl.col("shares") == pl.col("share"))
        .otherwise(pl.col("shares") == BUCKETS),
    }
    return known.with_columns(
        fact.fill_null(value=False).alias(name) for name, fact in facts.items()
    ).drop("published", "slots", "offered", "share", "declared", "received_at")


def _tables(
    published: Mapping[int, tuple[str, WeightsContent]],
) -> "tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]":
    """Return what was published, by version; by cell; by cell, position and arm."""
    import polars as pl

    versions = [(number, name) for number, (name, _) in published.items()]
    cells = [
        (number, cell, len(slots))
        for number, (_, content) in published.items()
        for cell, slots in content.cells.items()
    ]
    offers = [
        (number, cell, slot, arm, content.arms[arm], share)
        for number, (_, content) in published.items()
        for cell, slots in content.cells.items()
        for slot in range(len(slots))
        for arm, share in enumerate(content.buckets(cell, slot))
    ]
    number = {"version": pl.Int32}
    place = {**number, "cell": pl.String}
    of_arm = {"position": pl.Int8, "arms": pl.Int16, "offered": pl.String, "share": pl.Int32}
    return (
        pl.DataFrame(versions, schema={**number, "published": pl.String}, orient="row"),
        pl.DataFrame(cells, schema={**place, "slots": pl.Int32}, orient="row"),
        pl.DataFrame(offers, schema={**place, **of_arm}, orient="row"),
    )


def silver_table(rows: "pl.DataFrame") -> "pa.Table":
    """Turn accepted rows into silver's columns."""
    import polars as pl

    chosen = rows.select(
        "row_id",
        "decided_at",
        pl.col("arm").cast(pl.Int16),
        "position",
        "reward",
        "pscore",
        *(pl.lit(None, pl.String).alias(name) for name in USER_FEATURES),
        "decision_id",
        "unit",
        "cell",
        "metrics",
        "covariates",
        "exposed",
    )
    return chosen.to_arrow(compat_level=pl.CompatLevel.oldest())
