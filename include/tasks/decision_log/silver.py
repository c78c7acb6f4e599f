"""Bronze → silver and quarantine for the decision log: every batch that changed, whole."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from include.contract.weights import WeightsContent
from include.errors import RefusedShareError
from include.settings import Settings
from include.stores.lake.delta import ensure_table
from include.stores.lake.quarantine import QUARANTINE
from include.stores.lake.silver import FEEDBACK
from include.stores.reports.connection import transaction
from include.stores.reports.decision_log import advance, read_progress
from include.stores.reports.experiments import read
from include.stores.reports.weights import snapshots
from include.tasks.decision_log.batch import BatchOutcome, Fences, LogRun, Piece
from include.tasks.decision_log.checking import checked
from include.tasks.decision_log.exposure import with_exposed
from include.tasks.decision_log.join import CLOCK_TOLERANCE, joined
from include.tasks.decision_log.rows import rows_of
from include.tasks.decision_log.totals import sum_arm_rewards
from include.tasks.decision_log.window import (
    NARROW,
    Records,
    objects_of,
    spans_of,
    touched_batches,
    with_batch,
)

if TYPE_CHECKING:
    import polars as pl

# Decisions that are made silver together; of a batch of more the records are held, not the rows.
ROWS_AT_ONCE: Final = 500_000


@dataclass(frozen=True, slots=True)
class MadeSilver:
    """What an ingest left behind; plain values.

    Attributes
    ----------
    experiment
        Slug.
    batches
        Batches that were made anew.
    rows_in, rows_silver, rows_quarantined
        Their rows; the first is the sum of the others.
    covered_until
        A batch whose window closed before is complete, ISO 8601.
    docs_link
        The validation report; empty where nothing changed.
    """

    experiment: str
    batches: list[str]
    rows_in: int
    rows_silver: int
    rows_quarantined: int
    covered_until: str
    docs_link: str


def make_silver(settings: Settings, slug: str, covered_until: str) -> MadeSilver:
    """Bring silver up to bronze for one experiment.

    Every batch that a new export may change is made anew from all records of it in bronze, and
    replaced in one commit; a batch whose rows come out equal is left as it is. Safe to repeat,
    to kill and to run twice at once: how far silver has come is noted last.

    Parameters
    ----------
    settings
        Where the lake and PostgreSQL are.
    slug
        Experiment.
    covered_until
        As the export told it.

    Raises
    ------
    RefusedShareError
        If more rows of a batch are refused than the experiment declares as bearable: that batch
        stays as it was in silver, the others are done.
    ConcurrentReplacementError
        If another run replaced a batch meanwhile; repeat the step.
    """
    # Before anything is read: what others replace from here on is not overwritten.
    fences = Fences(ensure_table(settings, FEEDBACK), ensure_table(settings, QUARANTINE))
    with transaction(settings) as connection:
        experiment = read(connection, slug).experiment
        done = read_progress(connection, slug).number
    narrow = Records(settings, experiment, NARROW)
    sizes, newest = touched_batches(narrow, done)
    sum_arm_rewards(narrow, done, newest)
    narrow.forget()
    run = LogRun(settings, experiment, newest, datetime.now(UTC), fences)
    outcomes: list[BatchOutcome] = []
    for together in _in_turn(sizes):
        outcomes += _replace_all(run, Records(settings, experiment), together)
    refused = [each.refusal for each in outcomes if each.refusal]
    if refused:
        raise RefusedShareError(" ".join(refused))
    with transaction(settings) as connection:
        advance(connection, slug, newest, datetime.fromisoformat(covered_until))
    return MadeSilver(
        experiment=slug,
        batches=[*sizes],
        rows_in=sum(each.rows_in for each in outcomes),
        rows_silver=sum(each.rows_silver for each in outcomes),
        rows_quarantined=sum(each.rows_quarantined for each in outcomes),
        covered_until=covered_until,
        docs_link=outcomes[-1].docs_link if outcomes else "",
    )


def _in_turn(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Put neighbouring batches together as far as their records fit into memory."""
    together: list[str] = []
    rows = 0
    for batch, size in sizes.items():
        if together and rows + size > ROWS_AT_ONCE:
            yield together
            together, rows = [], 0
        together.append(batch)
        rows += size
    if together:
        yield together


def _replace_all(run: LogRun, records: Records, batches: list[str]) -> list[BatchOutcome]:
    experiment = run.experiment
    decisions, rewards = batch_records(records, batches)
    exposures = _exposures(records, batches)
    published = _published(run.settings, experiment.slug, decisions)
    unique = decisions.filter(decisions["decision_unique"])
    found = joined(unique, rewards, experiment.reward)
    wanted = decisions.filter(decisions["batch_id"].is_in(batches))
    wanted = with_exposed(wanted, exposures, experiment.exposure)

    def piece(part: "pl.DataFrame") -> Piece:
        rows = rows_of(part, found, experiment, published).with_row_index("row")
        return Piece(rows, checked(rows, experiment.reward))

    pieces: dict[str, Iterable[Piece]]
    if wanted.height > ROWS_AT_ONCE:
        pieces = {batch: map(piece, _slices(wanted, batch)) for batch in batches}
    else:
        # Batches that are checked together are asked about once.
        rows, verdict = piece(wanted)
        parts = rows.partition_by("batch_id", as_dict=True)
        pieces = {str(key[0]): [Piece(part, verdict)] for key, part in parts.items()}
    return [
        run.write(batch, part, objects_of(batch, decisions, rewards, exposures, experiment))
        for batch, part in sorted(pieces.items())
    ]


def _slices(decisions: "pl.DataFrame", batch: str) -> "Iterator[pl.DataFrame]":
    """Cut a batch, in the order of ids, into parts that fit into memory together with their rows.

    Records of one id stay together.
    """
    import polars as pl

    of_batch, name = pl.col("batch_id") == batch, pl.col("decision_id")
    ids = decisions.lazy().filter(of_batch).select(name.sort()).collect()["decision_id"]
    starts = ids.gather_every(ROWS_AT_ONCE).unique(maintain_order=True).to_list()
    for first, following in zip_longest(starts, starts[1:]):
        inside = name >= first if following is None else (name >= first) & (name < following)
        yield decisions.filter(of_batch & inside)


def batch_records(records: Records, batches: list[str]) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Return all decisions and rewards that decide what is in some batches.

    Of a unit, later decisions too: they take the rewards that occurred after them.
    """
    import polars as pl

    experiment = records.experiment
    cadence, window = experiment.batch, experiment.reward.window
    rewards = records.between(
        "reward", spans_of(batches, cadence, before=CLOCK_TOLERANCE, after=window)
    )
    by_unit = rewards["unit"].null_count() < rewards.height
    after = window if by_unit else timedelta(0)
    decisions = records.between(
        "decision", spans_of(batches, cadence, before=timedelta(0), after=after)
    )
    decisions = decisions.with_columns(
        pl.col("decision_id").is_first_distinct().alias("decision_unique")
    )
    return with_batch(decisions, cadence), rewards.unique(
        "reward_id", keep="first", maintain_order=True
    )


def _exposures(records: Records, batches: list[str]) -> "pl.DataFrame":
    experiment = records.experiment
    if experiment.exposure is None:
        return records.of("exposure", [])
    window = experiment.exposure.window
    spans = spans_of(batches, experiment.batch, before=CLOCK_TOLERANCE, after=window)
    return records.between("exposure", spans)


def _published(
    settings: Settings, slug: str, decisions: "pl.DataFrame"
) -> dict[int, tuple[str, WeightsContent]]:
    """Return the published versions that decided."""
    with transaction(settings) as connection:
        found = snapshots(connection, slug, decisions["version"].unique().to_list())
    return {each.version: (each.content_hash, each.content) for each in found}
