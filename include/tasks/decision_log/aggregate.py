"""Silver's decision log → sums whose observation is the unit, counted where it was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from include.contract.batches import closes_at
from include.contract.canonical import Json, content_hash
from include.errors import RowCountError
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.lake.log_silver import scan_log
from include.stores.lake.silver import counted, of_batches
from include.stores.reports.connection import transaction
from include.stores.reports.decision_log import read_progress
from include.stores.reports.decision_log_batches import KnownBatch, known_batches, mark_aggregated
from include.stores.reports.metrics import MetricRow
from include.stores.reports.statistics import StatisticsRow
from include.stores.reports.sums import BatchReference
from include.stores.reports.totals import (
    ArmTotal,
    Posted,
    posted_totals,
    settle,
    settled_totals,
)
from include.tasks.decision_log.join import exact_sums
from include.tasks.decision_log.metrics import COLUMNS, metric_rows
from include.tasks.decision_log.totals import fold_totals

if TYPE_CHECKING:
    import polars as pl

METHOD: Final = "allot.units/1"
_CELL: Final = ("behavior_policy", "cell", "position", "arm")


@dataclass(frozen=True, slots=True)
class SummedBatch:
    """Sums of a batch.

    Attributes
    ----------
    rows
        Sums of what the log holds.
    metrics
        Sums of the declared metrics.
    read
        Rows of silver they were read from.
    inputs
        Names those; ``None`` where silver has none, and there are only totals.
    totals
        What came by arm alone.
    outcomes
        What became of all that came so.
    """

    rows: list[StatisticsRow]
    metrics: list[MetricRow]
    read: int
    inputs: str | None
    totals: Sequence[ArmTotal]
    outcomes: Sequence[tuple[Posted, str]]


def due_batches(settings: Settings, experiment: Experiment) -> list[str]:
    """Return the complete batches whose sums are missing or overtaken, in order.

    A batch is complete once all that was written until its window closed is in silver.
    """
    with transaction(settings) as connection:
        known = known_batches(connection, experiment.slug)
        covered = read_progress(connection, experiment.slug).covered_until
        posted = posted_totals(connection, experiment.slug, experiment.batch)
        settled = settled_totals(connection, experiment.slug)
    if covered is None:
        return []
    due = {
        batch.batch_id for batch in known if batch.aggregated != _inputs(experiment, known, batch)
    }
    due |= {
        name for name in posted.keys() | settled.keys() if posted.get(name) != settled.get(name)
    }
    window = experiment.reward.window
    return [name for name in sorted(due) if closes_at(name, experiment.batch, window) <= covered]


def sum_batch(
    settings: Settings, experiment: Experiment, batch_id: str, lake_version: int
) -> SummedBatch:
    """Sum a batch: rewards of a unit within batch and weights version first.

    A unit counts only in the batch of its first decision under a version (under ``nested``, of
    its first decision at all): later ones were not drawn anew.
    """
    with transaction(settings) as connection:
        known = known_batches(connection, experiment.slug)
        posted = posted_totals(connection, experiment.slug, experiment.batch).get(batch_id, [])
    own = next((batch for batch in known if batch.batch_id == batch_id), None)
    rows: list[StatisticsRow] = []
    metrics: list[MetricRow] = []
    read, inputs = 0, None
    if own is not None:
        drawn, read = _drawn(settings, experiment, known, own, lake_version)
        rows, metrics = unit_sums(drawn), metric_rows(drawn, experiment.metrics)
        inputs = _inputs(experiment, known, own)
    return SummedBatch(rows, metrics, read, inputs, *fold_totals(experiment, posted, rows))


def note_summed(
    settings: Settings, experiment: str, written: BatchReference, summed: SummedBatch
) -> None:
    """Note what the sums of a batch were made from, once they are written."""
    with transaction(settings) as connection:
        if summed.inputs is not None:
            mark_aggregated(connection, experiment, written.batch_id, summed.inputs)
        name = written.statistics_hash
        settle(connection, experiment, written.batch_id, name, summed.outcomes)


def _drawn(
    settings: Settings,
    experiment: Experiment,
    known: list[KnownBatch],
    own: KnownBatch,
    lake_version: int,
) -> "tuple[pl.DataFrame, int]":
    """Return the rows of a batch that count and were drawn in it, and how many silver holds.

    A decision that was not shown, where that is declared to matter, is as if it had not been made:
    a unit's first one is the first that it was shown.
    """
    import polars as pl

    log = scan_log(settings, experiment.slug, version=lake_version).filter(
        pl.col("behavior_policy").is_in([f"v{version}" for version in sorted(own.versions)])
        if experiment.assignment == "rerandomise"
        else pl.col("behavior_policy").str.starts_with("v")
    )
    drawn, here = counted(log), of_batches([own.batch_id])
    wanted = (*_CELL, "pscore", "reward", "unit", "row_id", "decided_at")
    kept = COLUMNS if experiment.metrics else ()
    rows = drawn.filter(here).select(*wanted, *kept).collect()
    earlier = [batch.batch_id for batch in _related(experiment, known, own)]
    before = drawn.filter(of_batches(earlier), pl.col("unit").is_not_null())
    if own.versions and not (rows.height or log.filter(here).select(pl.len()).collect().item()):
        raise RowCountError(
            f"experiment {experiment.slug!r}, batch {own.batch_id}: silver at version "
            f"{lake_version} has no drawn row of it, but its record says otherwise; run "
            "ingest_decision_log"
        )
    units = before.select("behavior_policy", "unit").unique().collect()
    return _newly_drawn(rows, units, experiment), rows.height


def _newly_drawn(
    rows: "pl.DataFrame", before: "pl.DataFrame", experiment: Experiment
) -> "pl.DataFrame":
    """Leave out units that were drawn before."""
    import polars as pl

    if experiment.assignment == "rerandomise":
        return rows.join(before, on=["behavior_policy", "unit"], how="anti")
    rest = rows.join(before, on="unit", how="anti").sort("decided_at", "row_id")
    first = pl.col("behavior_policy").first().over("unit")
    return rest.filter(pl.col("unit").is_null() | (pl.col("behavior_policy") == first))


def unit_sums(rows: "pl.DataFrame") -> list[StatisticsRow]:
    """Fold rows into sums per version, cell, position and arm; an observation is a unit.

    Rows without a unit are each an observation of their own.
    """
    import polars as pl

    from include.tasks.aggregate import statistics_rows

    keys = [*_CELL, "pscore"]
    alone = rows.filter(pl.col("unit").is_null()).select(
        *keys, "reward", pl.lit(1, pl.Int64).alias("decisions")
    )
    groups = pl.concat([alone, _per_unit(rows, keys)])
    counted = groups.group_by(*keys, "reward").agg(
        pl.len().cast(pl.Int64).alias("rows"), pl.col("decisions").sum()
    )
    found: list[StatisticsRow] = []
    for (version, cell), part in counted.partition_by(
        "behavior_policy", "cell", as_dict=True
    ).items():
        decisions = {
            (position, arm): total
            for position, arm, total in part.group_by("position", "arm")
            .agg(pl.col("decisions").sum())
            .iter_rows()
        }
        sums = statistics_rows(
            part.select("arm", "position", "pscore", "reward", "rows").iter_rows(),
            str(version),
            str(cell),
        )
        found += [replace(row, decisions=decisions[row.position, row.arm]) for row in sums]
    return sorted(found)


def _per_unit(rows: "pl.DataFrame", keys: list[str]) -> "pl.DataFrame":
    import polars as pl

    units = rows.filter(pl.col("unit").is_not_null()).group_by(*keys, "unit")
    whole = (rows["reward"] == rows["reward"].round()).all()
    if whole:
        # Sums of whole numbers are exact in any order.
        summed = units.agg(pl.col("reward").sum(), pl.len().cast(pl.Int64).alias("decisions"))
        return summed.select(*keys, "reward", "decisions")
    listed = units.agg("reward", pl.len().cast(pl.Int64).alias("decisions"))
    return listed.select(*keys, exact_sums(listed["reward"]), "decisions")


def _related(experiment: Experiment, known: list[KnownBatch], own: KnownBatch) -> list[KnownBatch]:
    """Return the earlier batches in which units of a batch may have been drawn."""
    return [
        batch
        for batch in known
        if batch.batch_id < own.batch_id
        and (experiment.assignment == "nested" or batch.versions & own.versions)
    ]


def _inputs(experiment: Experiment, known: list[KnownBatch], own: KnownBatch) -> str:
    """Name all rows of silver that the sums of a batch depend on."""
    pairs: list[Json] = [
        [batch.batch_id, batch.content_hash] for batch in (*_related(experiment, known, own), own)
    ]
    named: list[Json] = [METHOD, experiment.assignment, pairs]
    metrics: Json = {name: one.model_dump(mode="json") for name, one in experiment.metrics.items()}
    return content_hash([*named, metrics] if metrics else named)
