"""Update: fold closed batches into the next versions of an experiment's weights."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from include.contract.batches import newest_ended
from include.contract.canonical import Json
from include.contract.published import Published
from include.contract.weights import WeightsContent, derive_salt
from include.settings import Settings
from include.stores.reports import gates, guardrails, holds, shadows
from include.stores.reports.batches import closed_batches, read_statistics
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.experiments import Revision, read
from include.stores.reports.statistics import statistics_hash_over_closed
from include.stores.reports.weights import NewSnapshot, folded_batches, head, insert_snapshot
from include.tasks.update_steps import Step, admitted, next_step

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What one update did.

    Attributes
    ----------
    head
        Newest version afterwards.
    batch
        Newest batch folded into it; ``None`` before the first.
    folded
        How many batches it folded.
    written
        Versions that this update wrote; empty when there was nothing to do.
    stopped
        Why it may write none now, or not all that closed: state, hold, or a guarded batch.
    """

    experiment: str
    head: int
    batch: str | None
    folded: int
    written: tuple[int, ...]
    stopped: str | None = None


def update_experiment(
    settings: Settings,
    slug: str,
    *,
    until: datetime | None = None,
    provenance: Mapping[str, Json] | None = None,
    guarded: bool = False,
) -> UpdateReport:
    """Write every version that is due, one per batch, in order.

    What is due follows from the rows alone, not from what woke the update: it may be
    repeated, run late, or run in two processes at once. Every version is one transaction;
    of two writers one wins, and the other goes on from the winner's version. Unless the
    experiment is running, and while publishing is held, nothing is written at all, no restatement
    either: what is due then follows once it goes on.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    slug
        Experiment.
    until
        Only start on batches that had ended by then, as a backfill asks; all when left out.
    provenance
        What to keep beside the content, as ``dag_run`` and ``code_revision``.
    guarded
        Fold only sums that the guardrails let pass, or that a person released.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    AllotError
        If sums or limits do not fit; versions written before stay.
    """
    written: list[int] = []
    while True:
        with transaction(settings) as connection:
            revision = read(connection, slug)
            live = head(connection, slug)
            folded = folded_batches(connection, slug, live.version)
            closed = closed_batches(connection, revision.experiment)
            standing = holds.standing(connection, slug)
            stopped = standing.stops
            if guarded and stopped is None:
                judged = guardrails.gates(connection, slug)
                closed, stopped = admitted(
                    closed, folded, judged, released_through=standing.released_through
                )
            step = next_step(
                folded,
                closed,
                revised=live.content.revision != revision.revision_hash,
                until=None if until is None else newest_ended(until, revision.experiment.batch),
                shadow=gates.due_shadow(connection, revision),
                live_share=shadows.published_share(connection, slug, live.version),
            )
            if step is None or standing.stops:
                return UpdateReport(
                    slug, live.version, live.content.batch, len(folded), tuple(written), stopped
                )
            new = build_snapshot(connection, revision, live, step, provenance or {})
            published, ours = insert_snapshot(connection, new)
        if ours:
            written.append(published.version)
        told = new.trail.explanation if ours else "another process was first"
        _log.info("%s v%d: %s", slug, published.version, told)


def build_snapshot(
    connection: Connection,
    revision: Revision,
    live: Published,
    step: Step,
    provenance: Mapping[str, Json],
) -> NewSnapshot:
    """Compute the version that follows the live one; equal inputs give equal content.

    Parameters
    ----------
    connection
        An open transaction, only read from.
    revision
        Declaration in force.
    live
        The parent: limits that look back, and nested ranges, look at it.
    step
        The sums to fold, and why.
    provenance
        Kept beside the content.
    """
    from include.bandit.allocation import allocate
    from include.bandit.gate.mixing import mixed
    from include.tasks.update_trail import explain

    experiment, slug = revision.experiment, revision.experiment.slug
    statistics = read_statistics(connection, experiment, step.batches)
    beside = step.shadow
    both = None if beside is None else mixed(experiment, statistics, live.content, beside.share)
    result = allocate(experiment, statistics, live.content) if both is None else both.result
    content = WeightsContent(
        experiment=slug,
        revision=revision.revision_hash,
        parent=live.content_hash,
        batch=step.batch,
        statistics=statistics_hash_over_closed(slug, step.batches) if step.batches else None,
        method=result.method,
        salt=derive_salt(
            experiment.assignment, slug, revision.revision_hash, live.content_hash, step.batch
        ),
        arms=experiment.arms,
        cells=result.cells,
    )
    effective_from = datetime.now(UTC).isoformat(timespec="microseconds")
    return NewSnapshot(
        content=content,
        version=live.version + 1,
        revision=revision.number,
        provenance={**provenance, "effective_from": effective_from, "reason": step.reason},
        batches=step.batches,
        trail=explain(experiment, step, statistics, result),
        shadow=None if both is None or beside is None else both.shadow(content, beside.since),
    )
