"""Guard: judge every closed batch before it may move a weight, and roll back where that is due."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.bandit.guardrails.result import Action, Guardrail, Outcome, combine
from include.contract.batches import newest_ended
from include.revision import code_revision
from include.settings import Settings
from include.stores.reports import guardrails, holds, weights
from include.stores.reports.batches import closed_batches, read_rows
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.experiments import Revision, read
from include.stores.reports.metrics import metrics_by_batch
from include.stores.reports.sums import BatchReference
from include.tasks.guard_evidence import Case, judge_batch, served_lately
from include.tasks.rollback import RolledBack, append_rollback, good_ones
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What guarding an experiment found.

    Attributes
    ----------
    checked
        Batches that were judged now, in order.
    action
        What follows: ``roll_back`` where shares went back now, ``hold`` where a batch may not
        move weights, else ``proceed``.
    explanation
        Why, in a sentence; why nothing was judged, where that is so.
    version
        The version that a roll-back wrote.
    """

    experiment: str
    checked: tuple[str, ...]
    action: Action
    explanation: str
    version: int | None = None


def guard_experiment(
    settings: Settings,
    slug: str,
    *,
    dag_run: str,
    until: datetime | None = None,
    now: datetime | None = None,
) -> GuardReport:
    """Judge every closed batch whose sums were not judged yet, or held the update.

    A batch is judged in one transaction with what follows from it, under the experiment's lock:
    a guard that is killed has done nothing or all, and of two at once the second finds it done.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    slug
        Experiment.
    dag_run
        Who judges; a hold names it.
    until
        Only batches that had ended by then; all when left out.
    now
        Until when the API's own counts are read; the clock's time when left out.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    checked: list[str] = []
    told: tuple[Action, str] = ("proceed", "every closed batch was judged before")
    while True:
        with transaction(settings) as connection:
            holds.lock_guard(connection, slug)
            revision = read(connection, slug)
            standing = holds.standing(connection, slug)
            if standing.stops:
                return GuardReport(slug, tuple(checked), "hold", standing.stops)
            case = read_case(connection, revision, standing.released_through, now)
            batch = _next(connection, case, until, checked)
            if batch is None:
                return GuardReport(slug, tuple(checked), *told)
            results = judge_batch(connection, case, batch.batch_id)
            outcome = combine(results)
            _record(connection, case, batch, results, dag_run=dag_run, code=code_revision(settings))
            checked.append(batch.batch_id)
            done = None
            if outcome.action == "roll_back":
                done = _roll_back(connection, revision, case, outcome, dag_run)
        _report(slug, batch, results)
        if done is not None:
            _log.error("%s: v%d rolls back: %s", slug, done.version, outcome.explanation)
            return GuardReport(
                slug, tuple(checked), outcome.action, outcome.explanation, done.version
            )
        if told[0] == "proceed":
            told = (outcome.action, outcome.explanation)


def read_case(
    connection: Connection, revision: Revision, released_through: str, now: datetime | None
) -> Case:
    """Read what guardrails judge an experiment by."""
    experiment = revision.experiment
    closed = closed_batches(connection, experiment)
    rows = read_rows(connection, experiment, closed)
    return Case(
        experiment=experiment,
        closed=closed,
        rows={batch.batch_id: found for batch, found in rows},
        chain=weights.history(connection, experiment.slug),
        released_through=released_through,
        served=served_lately(connection, experiment, now or datetime.now(UTC)),
        metrics=metrics_by_batch(connection, experiment, closed),
    )


def _next(
    connection: Connection, case: Case, until: datetime | None, checked: Sequence[str]
) -> BatchReference | None:
    """Return the oldest batch that is to be judged: its sums never were, or held the update."""
    experiment = case.experiment
    last = None if until is None else newest_ended(until, experiment.batch)
    judged = guardrails.gates(connection, experiment.slug)
    # What the head has folded cannot be kept from it any more.
    folded = set(weights.folded_batches(connection, experiment.slug, case.chain[-1].version))
    due = (
        batch
        for batch in case.closed
        if batch.batch_id > case.released_through
        and (last is None or batch.batch_id <= last)
        and batch not in folded
        and batch.batch_id not in checked
        and judged.get(batch, "hold") == "hold"
    )
    return next(due, None)


def _record(
    connection: Connection,
    case: Case,
    batch: BatchReference,
    results: Sequence[Guardrail],
    *,
    dag_run: str,
    code: str,
) -> None:
    """Append the judgement, unless it says what the newest one of these sums says already."""
    slug = case.experiment.slug
    said = sorted((one.name, one.state, one.value, one.explanation) for one in results)
    if guardrails.newest_results(connection, slug, batch) == said:
        return
    check = guardrails.Check(
        batch, case.chain[-1].version, combine(results), results, dag_run, code
    )
    guardrails.write_check(connection, slug, check)


def _roll_back(
    connection: Connection, revision: Revision, case: Case, outcome: Outcome, dag_run: str
) -> RolledBack:
    from include.bandit.rollback import choose

    live = weights.head(connection, case.experiment.slug)
    good = good_ones(connection, case.experiment.slug, live)
    target = choose(case.experiment, live, good, outcome.arms)
    return append_rollback(
        connection,
        revision,
        target,
        by=dag_run,
        why=outcome.explanation,
        provenance={"dag_run": dag_run},
    )


def _report(slug: str, batch: BatchReference, results: Sequence[Guardrail]) -> None:
    lines = [
        {
            "guardrail": one.name,
            "state": one.state,
            "critical": one.critical,
            "explanation": one.explanation,
        }
        for one in results
    ]
    log_summary(_log, f"{slug} {batch.batch_id}: guardrails", lines)
