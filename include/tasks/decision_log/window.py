"""What an ingest has to look at: which batches changed, and the records that decide them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from include.contract.batches import batch_id_of, batch_start
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.lake.log_objects import read_records
from include.stores.reports.connection import transaction
from include.stores.reports.decision_log import LogObject, objects_after, objects_between
from include.tasks.decision_log.export import COLUMNS, typed
from include.tasks.decision_log.exposure import shown
from include.tasks.decision_log.join import CLOCK_TOLERANCE, addressed, in_window

if TYPE_CHECKING:
    import polars as pl


# What tells which batches changed.
NARROW: Final = {
    "decision": ("decision_id", "unit", "decided_at"),
    "reward": (
        *("reward_id", "decision_id", "unit", "arm_id", "value", "occurred_at"),
        "received_at",
    ),
    "exposure": ("decision_id", "occurred_at"),
}


@dataclass
class Records:
    """Bronze records of one experiment, every object read once.

    Attributes
    ----------
    settings, experiment
        Whose.
    columns
        Which columns of each kind; all when left out.
    """

    settings: Settings
    experiment: Experiment
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _read: "dict[str, pl.DataFrame]" = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of what was read: memory is of what is looked at, not of what was."""
        self._read.clear()

    def of(self, kind: str, objects: Iterable[LogObject]) -> "pl.DataFrame":
        """Return the records of objects with the ``number`` of their export, oldest first."""
        import polars as pl

        wanted = sorted(
            {each.sha256: each for each in objects if each.kind == kind}.values(),
            key=lambda each: each.number,
        )
        missing = [each.sha256 for each in wanted if each.sha256 not in self._read]
        columns = self.columns.get(kind, tuple(COLUMNS[kind]))
        frames = read_records(self.settings, self.experiment.slug, kind, missing, columns)
        self._read.update(zip(missing, frames, strict=True))
        return pl.concat(
            [
                typed([], kind).select(columns).with_columns(pl.lit(0, pl.Int32).alias("number")),
                *(
                    self._read[each.sha256].with_columns(
                        pl.lit(each.number, pl.Int32).alias("number")
                    )
                    for each in wanted
                ),
            ]
        )

    def between(self, kind: str, spans: Sequence[tuple[datetime, datetime]]) -> "pl.DataFrame":
        """Return at least the records of some spans of time."""
        with transaction(self.settings) as connection:
            found = [
                each
                for first, last in spans
                for each in objects_between(connection, self.experiment.slug, kind, first, last)
            ]
        return self.of(kind, found)


def touched_batches(records: Records, done: int) -> tuple[dict[str, int], int]:
    """Return the batches that exports after `done` may change, and the newest export.

    In order, with about how many decisions each has.

    Batches of new decisions; of decisions with new rewards or exposures; and of decisions whose
    unit has a new one, which may take a reward over.
    """
    import polars as pl

    experiment = records.experiment
    with transaction(records.settings) as connection:
        new = objects_after(connection, experiment.slug, done)
    if not new:
        return {}, done
    newest = max(each.number for each in new)
    # That of exposures is no longer.
    window = experiment.reward.window
    first = min(each.first_at for each in new) - window
    last = max(each.last_at for each in new) + CLOCK_TOLERANCE
    decisions = records.between("decision", [(first, last)])
    rewards = records.of("reward", new)
    fresh = decisions.filter(pl.col("number") > done)
    rewarded = addressed(decisions, rewards).filter(in_window(window))
    taken = _rivals(records, decisions, fresh, first, last + window)
    parts = [fresh, rewarded, taken]
    if experiment.exposure is not None:
        parts.append(shown(decisions, records.of("exposure", new), experiment.exposure))
    times = pl.concat([part["decided_at"] for part in parts])
    touched = with_batch(times.to_frame(), experiment.batch)["batch_id"].unique().sort()
    sizes = with_batch(decisions.select("decided_at"), experiment.batch)["batch_id"]
    counted = dict(sizes.value_counts().iter_rows())
    return {batch: counted[batch] for batch in touched}, newest


def _rivals(
    records: Records,
    decisions: "pl.DataFrame",
    fresh: "pl.DataFrame",
    first: datetime,
    last: datetime,
) -> "pl.DataFrame":
    """Return the decisions of units that decided anew and are rewarded by unit."""
    import polars as pl

    units = fresh["unit"].drop_nulls().unique()
    if not len(units):
        return decisions.clear()
    rewards = records.between("reward", [(first, last)])
    both = rewards.filter(pl.col("unit").is_in(units.implode()))["unit"].unique()
    return decisions.filter(pl.col("unit").is_in(both.implode()))


def with_batch(frame: "pl.DataFrame", cadence: timedelta) -> "pl.DataFrame":
    """Add the batch into which every ``decided_at`` falls."""
    import polars as pl

    length = cadence // timedelta(microseconds=1)
    # Batches are aligned to 1970-01-05, four days after the epoch.
    shift = timedelta(days=4) // timedelta(microseconds=1)
    frame = frame.with_columns(
        ((pl.col("decided_at").dt.epoch("us") - shift) // length).alias("_batch")
    )
    starts = frame.group_by("_batch").agg(pl.col("decided_at").first())
    names = starts.select(
        "_batch",
        pl.Series(
            "batch_id",
            [batch_id_of(instant, cadence) for instant in starts["decided_at"]],
            pl.String,
        ),
    )
    return frame.join(names, on="_batch", how="left", maintain_order="left").drop("_batch")


def spans_of(
    batches: Sequence[str], cadence: timedelta, *, before: timedelta, after: timedelta
) -> list[tuple[datetime, datetime]]:
    """Return the spans of batches, widened."""
    return [(batch_start(each) - before, batch_start(each) + cadence + after) for each in batches]


def objects_of(
    batch_id: str,
    decisions: "pl.DataFrame",
    rewards: "pl.DataFrame",
    exposures: "pl.DataFrame",
    rule: Experiment,
) -> list[tuple[str, int]]:
    """Return the bronze objects that a batch is made from, as kind and number of the export.

    Parameters
    ----------
    batch_id
        Which batch.
    decisions
        Records with ``batch_id`` and ``number``.
    rewards, exposures
        Records with ``number``; those count that occurred while decisions of the batch waited.
    rule
        Its experiment.
    """
    import polars as pl

    [(first, last)] = spans_of(
        [batch_id], rule.batch, before=CLOCK_TOLERANCE, after=rule.reward.window
    )
    found = {
        "decision": decisions.filter(pl.col("batch_id") == batch_id),
        "reward": rewards.filter(pl.col("occurred_at").is_between(first, last)),
        # Their window is no longer.
        "exposure": exposures.filter(pl.col("occurred_at").is_between(first, last)),
    }
    return [
        (kind, number)
        for kind, own in found.items()
        for number in own["number"].unique().sort().to_list()
    ]
