"""What a DAG asks of the decision: questions for people, the form, and the end published."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from include.errors import NoFeedbackError, RefusedExperimentsError
from include.settings import Settings
from include.stores.reports import decisions, guardrails, holds, weights
from include.stores.reports.batches import closed_batches
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.decisions import Key
from include.stores.reports.experiments import read
from include.tasks.summary import log_summary
from include.tasks.update_steps import admitted

if TYPE_CHECKING:
    from include.stores.reports.decisions import NewAnswer

_log = logging.getLogger(__name__)


class Row(TypedDict):
    """A recommendation, as tasks hand it on."""

    experiment: str
    batch_id: str
    judgement_hash: str
    kind: str
    arm: str | None
    automatic: bool


class Form(TypedDict):
    """What the approval form shows."""

    subject: str
    body: str


def decide_row(settings: Settings, experiment: str, *, dag_run: str) -> Row:
    """Decide on one experiment, and return its row; before its first batch there is nothing."""
    from include.tasks.decide.step import decide_experiment

    try:
        found = decide_experiment(settings, experiment, dag_run=dag_run)
    except NoFeedbackError as error:
        _log.info("%s", error)
        return Row(
            experiment=experiment,
            batch_id="",
            judgement_hash="",
            kind="no_batch",
            arm=None,
            automatic=False,
        )
    stored = found.stored
    return Row(
        experiment=experiment,
        batch_id=stored.key.batch_id,
        judgement_hash=stored.key.judgement_hash,
        kind=stored.kind,
        arm=stored.arm,
        automatic=found.automatic,
    )


def key_of(row: Row) -> Key:
    """Return what names the recommendation of a row."""
    return Key(row["experiment"], row["batch_id"], row["judgement_hash"])


def questions(settings: Settings, rows: Sequence[Row]) -> list[Key]:
    """Return the recommendations that wait for a person."""
    waiting = [row["experiment"] for row in rows if not row["automatic"]]
    with transaction(settings) as connection:
        found = [decisions.open_question(connection, experiment) for experiment in waiting]
    return [key for key in found if key is not None]


def question_id(key: Key) -> str:
    """Name the run that asks: one per recommendation, so that asking again asks once."""
    return f"verdict.{key.experiment}.{key.batch_id}.{key.judgement_hash[:12]}"


def form(settings: Settings, key: Key) -> Form | None:
    """Return what the approval form shows; ``None`` where it was answered already."""
    from include.tasks.decide.words import headline, markdown

    with transaction(settings) as connection:
        if decisions.read_answer(connection, key) is not None:
            return None
        asked = decisions.read_recommendation(connection, key)
        title = read(connection, key.experiment).experiment.title
    subject = f"{key.experiment}: {headline(asked.kind, asked.arm)}?"
    return Form(subject=subject, body=markdown(asked, title))


def record_answer(
    settings: Settings,
    key: Key,
    *,
    approved: bool,
    answered_by: str,
    reason: str,
    answered_at: datetime,
    dag_run: str,
) -> "NewAnswer":
    """Record what a person answered; publish what follows from it."""
    from include.tasks.decide.answer import answer

    told = answer(
        settings,
        key,
        "approved" if approved else "rejected",
        answered_by=answered_by,
        reason=reason or "no reason given",
        answered_at=answered_at,
        dag_run=dag_run,
    )
    if told.revision is not None:
        publish_end(settings, key.experiment)
    return told


def end_row(settings: Settings, row: Row, *, dag_run: str) -> bool:
    """End an experiment where its recommendation says so and nobody needs to be asked."""
    from include.tasks.decide.answer import end_automatically

    if row["kind"] in {"keep_running", "no_batch"} or not row["automatic"]:
        return False
    with transaction(settings) as connection:
        stops = _stops(connection, row["experiment"])
    if stops is not None:
        # Whoever held it looks first; the recommendation stands meanwhile.
        _log.warning("%s does not end by itself: %s", row["experiment"], stops)
        return False
    end_automatically(settings, key_of(row), dag_run=dag_run)
    publish_end(settings, row["experiment"])
    return True


def _stops(connection: Connection, experiment: str) -> str | None:
    """Return why nobody may end an experiment unasked: it is held, or a batch of it did not pass.

    The verdict rests on all closed batches, those of a log that cannot be trusted among them.
    """
    standing = holds.standing(connection, experiment)
    if standing.stops is not None:
        return standing.stops
    live = weights.head(connection, experiment)
    _, stopped = admitted(
        closed_batches(connection, read(connection, experiment).experiment),
        weights.folded_batches(connection, experiment, live.version),
        guardrails.gates(connection, experiment),
        released_through=standing.released_through,
    )
    return stopped


def publish_end(settings: Settings, experiment: str) -> int:
    """Bring the weights store up to the ending version; repeating adds nothing."""
    from include.tasks.publish import publish_experiment

    return publish_experiment(settings, experiment).live.version


def report_decisions(experiments: Sequence[str], rows: Sequence[Row]) -> None:
    """End a run's log with a table, and fail where an experiment did.

    Raises
    ------
    RefusedExperimentsError
        Naming the experiments that failed; the others were decided on.
    """
    found = {row["experiment"]: row for row in rows}
    shown = [
        {
            "experiment": name,
            "batch": found[name]["batch_id"] if name in found else None,
            "recommendation": found[name]["kind"] if name in found else "failed",
            "arm": found[name]["arm"] if name in found else None,
        }
        for name in experiments
    ]
    log_summary(_log, "decisions", shown)
    if failed := [name for name in experiments if name not in found]:
        raise RefusedExperimentsError(
            f"{len(found)} of {len(experiments)} experiments were decided on; failed: "
            f"{', '.join(failed)}. Their tasks' logs say why; the others are not affected."
        )
