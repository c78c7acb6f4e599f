"""Silver → arm statistics: sums of a batch that do not depend on files, chunks or order."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING, Final

import numpy as np

from include.bandit.statistics import FloatArray, IntArray
from include.errors import ExperimentError
from include.experiments.schema import DecisionLogSource, Experiment, OpenBanditSource
from include.settings import Settings
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    import polars as pl

    from include.stores.reports.statistics import StatisticsRow

POOLED_COHORT: Final = "*"
_log = logging.getLogger(__name__)

# Arm, position, propensity, reward, and how many rows have exactly these.
Group = tuple[int, int, float, float, int]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Many groups as columns, each of shape (n,)."""

    arm: IntArray
    position: IntArray
    pscore: FloatArray
    reward: FloatArray
    count: IntArray


@dataclass(frozen=True, slots=True)
class AggregatedBatch:
    """What aggregating a batch wrote; plain values.

    Attributes
    ----------
    experiment, batch_id
        Which batch of which experiment.
    statistics_hash
        Names its sums.
    rows
        Rows of silver that were read.
    cells
        Rows of arm statistics.
    lake_version
        Version of silver that was read.
    """

    experiment: str
    batch_id: str
    statistics_hash: str
    rows: int
    cells: int
    lake_version: int


def closed_batches(settings: Settings, experiment_slug: str) -> list[str]:
    """Return the batches of an experiment whose reward window is over, in order.

    Batches in silver, and batches that have sums but left silver: their sums are to be
    restated as none. Of an experiment on the API's own decisions, those whose sums silver has
    overtaken. Before anything was ingested there are none at all.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    ExperimentError
        If its log cannot be cut into its batches.
    """
    from include.contract.batches import closes_at
    from include.stores.lake.delta import exists
    from include.stores.lake.silver import FEEDBACK, silver_batches
    from include.stores.reports.batches import closed_batches as batches_with_sums
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read
    from include.tasks.decision_log.aggregate import due_batches

    now = datetime.now(UTC)
    with transaction(settings) as connection:
        experiment = read(connection, experiment_slug).experiment
        known = {batch.batch_id for batch in batches_with_sums(connection, experiment)}
    if isinstance(experiment.source, DecisionLogSource):
        return due_batches(settings, experiment)
    source, behavior_policy = _learns_from(experiment)
    if not known and not exists(settings, FEEDBACK):
        return []
    in_silver, _ = silver_batches(settings, source, behavior_policy)
    window = experiment.reward.window
    return [
        batch_id
        for batch_id in sorted(known | set(in_silver))
        if closes_at(batch_id, experiment.batch, window) <= now
    ]


def aggregate_batch(settings: Settings, experiment_slug: str, batch_id: str) -> AggregatedBatch:
    """Sum a batch of silver into arm statistics and make them the batch's current ones.

    Repeating it changes nothing unless silver changed.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    ExperimentError
        If its log cannot be cut into its batches.
    LakeError
        If silver was never written.
    """
    from include.stores.lake.delta import open_table
    from include.stores.lake.silver import FEEDBACK, scan_feedback
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read
    from include.stores.reports.metrics import write_metric_statistics
    from include.stores.reports.statistics import write_batch_statistics
    from include.tasks.decision_log.aggregate import note_summed, sum_batch

    observed_at = datetime.now(UTC)
    with transaction(settings) as connection:
        experiment = read(connection, experiment_slug).experiment
    version = int(open_table(settings, FEEDBACK).version())
    if isinstance(experiment.source, DecisionLogSource):
        summed = sum_batch(settings, experiment, batch_id, version)
        rows, rows_read = summed.rows, summed.read
    else:
        source, behavior_policy = _learns_from(experiment)
        frame = scan_feedback(settings, source, behavior_policy, batch_id, version=version)
        groups = count_groups(frame)
        rows, rows_read = fold_groups(groups, behavior_policy), int(groups.count.sum())
        summed = None
    written = write_batch_statistics(
        settings,
        experiment_slug,
        batch_id,
        rows,
        lake_version=version,
        observed_at=observed_at,
        totals=summed.totals if summed else (),
    )
    if summed is not None:
        if experiment.metrics:
            write_metric_statistics(
                settings,
                experiment_slug,
                batch_id,
                summed.metrics,
                lake_version=version,
                observed_at=observed_at,
            )
        note_summed(settings, experiment_slug, written, summed)
    told = AggregatedBatch(
        experiment=experiment_slug,
        batch_id=batch_id,
        statistics_hash=written.statistics_hash,
        rows=rows_read,
        cells=len(rows),
        lake_version=version,
    )
    log_summary(
        _log,
        f"arm statistics: experiment {experiment_slug}, batch {batch_id}",
        [
            {
                "rows read": told.rows,
                "clicks or reward": fsum(row.sum_r for row in rows),
                "cells written": told.cells,
                "lake version": version,
                "statistics hash": told.statistics_hash[:12],
            }
        ],
    )
    return told


def count_groups(frame: "pl.LazyFrame") -> Groups:
    """Count the rows that agree in arm, position, propensity and reward."""
    import polars as pl

    counted = frame.group_by("arm", "position", "pscore", "reward").agg(pl.len().alias("rows"))
    found = counted.collect(engine="streaming")
    arm, position, p, r, rows = (found[name].to_numpy() for name in found.columns)
    return Groups(arm.astype(np.int64), position.astype(np.int64), p, r, rows.astype(np.int64))


def statistics_rows(
    groups: Iterable[Group], version: str, cohort: str = POOLED_COHORT
) -> "list[StatisticsRow]":
    """Fold counted groups, each combination once, as `fold_groups` does."""
    listed = list(groups)
    if not listed:
        return []
    arm, position, p, r, rows = zip(*listed, strict=True)
    columns = Groups(
        np.array(arm, np.int64),
        np.array(position, np.int64),
        np.array(p, np.float64),
        np.array(r, np.float64),
        np.array(rows, np.int64),
    )
    return fold_groups(columns, version, cohort)


def fold_groups(groups: Groups, version: str, cohort: str = POOLED_COHORT) -> "list[StatisticsRow]":
    """Fold counted groups into the eight sums per position and arm.

    Counts are integers, and floats are added by `math.fsum` (exact, rounded once), so
    equal rows give equal bytes in whatever order and chunks they came.

    Parameters
    ----------
    groups
        Each combination once.
    version
        Weights version or behavior policy.
    cohort
        Context cell.
    """
    order = np.lexsort((groups.arm, groups.position))
    ordered = Groups(*(getattr(groups, field.name)[order] for field in fields(Groups)))
    new = np.diff(ordered.arm, prepend=-1) != 0
    new |= np.diff(ordered.position, prepend=-1) != 0
    ends = [*np.flatnonzero(new).tolist(), len(order)]
    return [_fold(ordered, slice(*cell), version, cohort) for cell in pairwise(ends)]


def _fold(groups: Groups, cell: slice, version: str, cohort: str) -> "StatisticsRow":
    from include.stores.reports.statistics import StatisticsRow

    count, w = groups.count[cell], 1.0 / groups.pscore[cell]
    # Terms of 0 change no sum: with clicks that is nearly all of them.
    some = groups.reward[cell] != 0.0
    r, v, often = groups.reward[cell][some], w[some], count[some]
    return StatisticsRow(
        version=version,
        position=int(groups.position[cell.start]),
        arm=int(groups.arm[cell.start]),
        cohort=cohort,
        n=int(count.sum()),
        sum_r=_exactly(often * r),
        sum_r2=_exactly(often * r * r),
        sum_ip=_exactly(count * w),
        sum_ip2=_exactly(count * (w * w)),
        sum_r_ip=_exactly(often * (r * v)),
        sum_r_ip2=_exactly(often * (r * v * v)),
        sum_r2_ip2=_exactly(often * (r * r * v * v)),
    )


def _exactly(terms: FloatArray) -> float:
    return fsum(terms.tolist())


def _learns_from(experiment: Experiment) -> tuple[str, str]:
    """Return the source and behavior policy in silver that an experiment learns from."""
    from include.bandit.open_bandit import source_of

    source = experiment.source
    if not isinstance(source, OpenBanditSource):
        raise ExperimentError(
            f"experiment {experiment.slug!r} learns from the decision log, "
            "which this step does not aggregate"
        )
    if experiment.batch != timedelta(days=1):
        raise ExperimentError(
            f"experiment {experiment.slug!r} declares batches of {experiment.batch}; "
            "silver keeps the Open Bandit Dataset by UTC day: declare P1D"
        )
    return source_of(source.campaign), source.learn_from
