"""Which decision a reward belongs to: the same rules as the view ``allot.reward_outcome``."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from include.contract.named_numbers import added_text
from include.experiments.schema import Reward

if TYPE_CHECKING:
    import polars as pl

# A client's clock may lie behind the API's, but not by more.
CLOCK_TOLERANCE: Final = timedelta(hours=1)


def joined(decisions: "pl.DataFrame", rewards: "pl.DataFrame", rule: Reward) -> "pl.DataFrame":
    """Join rewards to their decisions.

    By decision id; of a unit, to its last decision before the reward occurred. A reward that
    occurred after the window, or an hour or more before its decision, or whose value the
    declared kind excludes, joins nothing. Of several rewards of one decision real ones are
    added up; of the other kinds the one that occurred first counts.

    Returns
    -------
    DataFrame
        One row per rewarded decision: ``decision_id``, ``reward``, ``joined`` (how many
        rewards went into it), ``conflicting`` (how many did not count) and ``metrics`` (what the
        values of all of them add up to, by name, as JSON).
    """
    import polars as pl

    found = addressed(decisions, rewards).filter(in_window(rule.window), possible(rule))
    order = ["decision_id", "occurred_at", "received_at"]
    found = found.sort([*order, "value"], descending=[False, False, False, True])
    counts = [pl.len().cast(pl.Int64).alias("rewards")]
    values = added_values(found)
    if rule.kind == "real":
        listed = found.group_by("decision_id", maintain_order=True).agg(pl.col("value"), *counts)
        summed = listed.select(
            "decision_id",
            exact_sums(listed["value"]).alias("reward"),
            pl.col("rewards").alias("joined"),
            pl.lit(0, pl.Int64).alias("conflicting"),
        )
        return summed.join(values, on="decision_id", how="left", maintain_order="left")
    first = found.group_by("decision_id", maintain_order=True).agg(
        pl.col("value").first().alias("reward"), *counts
    )
    counted = first.select(
        "decision_id",
        "reward",
        pl.lit(1, pl.Int64).alias("joined"),
        (pl.col("rewards") - 1).alias("conflicting"),
    )
    return counted.join(values, on="decision_id", how="left", maintain_order="left")


def addressed(decisions: "pl.DataFrame", rewards: "pl.DataFrame") -> "pl.DataFrame":
    """Return every reward that names a known decision, with that decision's id and time."""
    import polars as pl

    wanted = ["decision_id", "value", "occurred_at", "received_at", "decided_at"]
    # What only tells which decisions a reward touches is read without them.
    wanted += [name for name in ("metrics",) if name in rewards.columns]
    known = decisions.select("decision_id", "unit", "decided_at")
    by_id = rewards.filter(pl.col("decision_id").is_not_null()).join(
        known.drop("unit"), on="decision_id"
    )
    of_units = rewards.filter(pl.col("unit").is_not_null()).drop("decision_id")
    if not of_units.height:
        return by_id.select(wanted)
    units = known.filter(pl.col("unit").is_not_null()).sort("decided_at", "decision_id")
    last = of_units.sort("occurred_at").join_asof(
        units.with_columns(pl.col("decided_at").alias("before")),
        left_on="occurred_at",
        right_on="before",
        by="unit",
        strategy="backward",
        check_sortedness=False,
    )
    return pl.concat(
        [by_id.select(wanted), last.drop_nulls("decision_id").select(wanted)], how="vertical"
    )


def added_values(rewards: "pl.DataFrame") -> "pl.DataFrame":
    """Add up the named values of every decision's rewards, exactly: ``decision_id``, ``metrics``.

    Also where only the first reward counts as the reward: each was observed.
    """
    import polars as pl

    named = rewards.filter(pl.col("metrics").is_not_null()).group_by("decision_id").agg("metrics")
    added = [added_text(each) for each in named["metrics"].to_list()]
    return named.select("decision_id", pl.Series("metrics", added, pl.String))


def in_window(window: timedelta) -> "pl.Expr":
    """Tell whether a reward occurred while its decision waited for one."""
    import polars as pl

    occurred, decided = pl.col("occurred_at"), pl.col("decided_at")
    return (occurred <= decided + window) & (occurred > decided - CLOCK_TOLERANCE)


def exact_sums(values: "pl.Series") -> "pl.Series":
    """Add up lists of numbers exactly, rounded once, whatever their order."""
    from math import fsum

    import polars as pl

    return pl.Series(values.name, [fsum(each) for each in values.to_list()], pl.Float64)


def possible(rule: Reward) -> "pl.Expr":
    """Tell whether the declared kind allows a value."""
    import polars as pl

    if rule.kind == "bernoulli":
        return pl.col("value").is_in([0.0, 1.0])
    if rule.kind == "bounded":
        return pl.col("value").is_between(rule.lower, rule.upper)
    return pl.col("value").is_finite()
