"""What follows an answer: a revision and a state, in one transaction with who, when and why."""

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from include.contract.canonical import Json
from include.experiments.ending import shipped, stopped
from include.notify import Event, notify
from include.revision import code_revision
from include.settings import Settings
from include.stores.reports import decisions
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.decisions import Answer, Key, NewAnswer, StoredRecommendation
from include.stores.reports.experiments import Revision, Submission, lock, read, submit
from include.stores.reports.lifecycle import change_state, state_of
from include.tasks.decide.version import append_revision

if TYPE_CHECKING:
    from include.experiments.schema import Experiment

AUTOMATIC = "allot (declared automatic)"

_log = logging.getLogger(__name__)


def answer(
    settings: Settings,
    key: Key,
    given: Answer,
    *,
    answered_by: str,
    reason: str,
    dag_run: str,
    answered_at: datetime | None = None,
) -> NewAnswer:
    """Record an answer to a recommendation, and end the experiment if it says so.

    One transaction under the experiment's lock holds revision, version, state and answer:
    repeating it, or two at once, end as one, and the first answer stands. Versions that were
    published are not touched.

    Parameters
    ----------
    settings
        Where PostgreSQL is, and whom to tell.
    key
        The recommendation.
    given
        ``approved``, ``rejected`` or ``automatic``; approval of an experiment that has ended
        meanwhile is recorded as ``superseded``.
    answered_by, reason, answered_at
        Who, why and when; now when left out.
    dag_run
        Airflow run that records it.

    Raises
    ------
    LookupError
        If there is no such recommendation.
    """
    when = answered_at or datetime.now(UTC)
    with transaction(settings) as connection:
        lock(connection, key.experiment)
        known = decisions.read_answer(connection, key)
        if known is not None:
            return known
        asked = decisions.read_recommendation(connection, key)
        told = NewAnswer(given, answered_by, reason, when, dag_run)
        if given in {"approved", "automatic"}:
            told = _ended(connection, asked, told, {"code_revision": code_revision(settings)})
        decisions.insert_answer(connection, key, told)
    _tell(settings, asked, told)
    return told


def end_automatically(settings: Settings, key: Key, *, dag_run: str) -> NewAnswer:
    """End an experiment that declares ``ship = "automatic"`` as its recommendation says."""
    return answer(
        settings,
        key,
        "automatic",
        answered_by=AUTOMATIC,
        reason="every condition of the rule is met",
        dag_run=dag_run,
    )


def _ended(
    connection: Connection, asked: StoredRecommendation, told: NewAnswer, code: dict[str, Json]
) -> NewAnswer:
    slug = asked.key.experiment
    state = state_of(connection, slug)
    if decisions.has_ended(connection, slug) or state in {"concluded", "archived"}:
        why = f"it had ended before (answer: {told.answer}: {told.reason})"
        return NewAnswer("superseded", told.answered_by, why, told.answered_at, told.dag_run)
    in_force = read(connection, slug)
    why = f"{asked.summary} ({told.answer}: {told.reason})"
    revision = _revise(connection, in_force, asked, told.answered_by, why)
    # Before the state changes: what is not running publishes nothing.
    provenance: dict[str, Json] = {"dag_run": told.dag_run, "lake_version": None, **code}
    append_revision(connection, revision, provenance)
    if not (asked.kind == "ship" and in_force.experiment.verdict.keeps_drawing):
        # A holdout or a floor is drawn for good: then the experiment goes on, fixed.
        change_state(connection, slug, "concluded", changed_by=told.answered_by, reason=why)
    return NewAnswer(
        told.answer,
        told.answered_by,
        told.reason,
        told.answered_at,
        told.dag_run,
        revision.number,
    )


def _revise(
    connection: Connection, in_force: Revision, asked: StoredRecommendation, by: str, why: str
) -> Revision:
    experiment: Experiment = in_force.experiment
    new = stopped(experiment) if asked.arm is None else shipped(experiment, asked.arm)
    return submit(connection, new, Submission("api", by, why, in_force.revision_hash))


def _tell(settings: Settings, asked: StoredRecommendation, told: NewAnswer) -> None:
    _log.info("%s: %s by %s", asked.key.experiment, told.answer, told.answered_by)
    facts = {"answer": told.answer, "by": told.answered_by, "why": told.reason}
    notify(
        settings,
        Event("verdict", told.answer, asked.summary, asked.key.experiment, facts=facts),
    )
