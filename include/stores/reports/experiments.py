"""Experiments in PostgreSQL: immutable revisions, and weights version 0 with the first."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from include.contract.canonical import canonical_json
from include.contract.names import is_name
from include.errors import ExperimentConflictError, UnknownExperimentError
from include.experiments.revision import (
    differences,
    refuse_fixed_changes,
    version_zero,
)
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.layers import assign_slice
from include.stores.reports.weights import insert_version_zero

Origin = Literal["toml", "api"]

_SELECT: Final = (
    "select revision, revision_hash, document, origin, submitted_by, reason, submitted_at"
    " from allot.experiment_revision where experiment = %s order by revision"
)


@dataclass(frozen=True, slots=True)
class Submission:
    """Who declares an experiment, from where and why.

    Attributes
    ----------
    based_on
        Revision hash that the submitter saw; ``None`` for a file, which cannot know.
    """

    origin: Origin
    submitted_by: str
    reason: str
    based_on: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One immutable declaration of an experiment."""

    experiment: Experiment
    number: int
    revision_hash: str
    origin: Origin
    submitted_by: str
    reason: str
    submitted_at: datetime


def register(settings: Settings, experiment: Experiment, submission: Submission) -> Revision:
    """Make a declaration the one in force; the same one again changes nothing.

    The first also writes weights version 0. One transaction, under a lock per
    experiment, so that it may be repeated or run twice at once.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    experiment
        The declaration.
    submission
        Who, from where and why.

    Returns
    -------
    Revision
        The one in force afterwards.

    Raises
    ------
    ExperimentConflictError
        If a newer revision is in force than the submitter knows, or a field changes that
        decisions fixed; with the difference.
    """
    with transaction(settings) as connection:
        lock(connection, experiment.slug)
        return submit(connection, experiment, submission)


def submit(connection: Connection, experiment: Experiment, submission: Submission) -> Revision:
    """Register a declaration in the caller's transaction, under the lock that it holds.

    Raises
    ------
    ExperimentConflictError
        As `register` does.
    """
    in_force = find(connection, experiment.slug)
    if in_force is None:
        _insert_first(connection, experiment, submission)
    elif in_force.revision_hash == experiment.revision_hash():
        return in_force
    else:
        _refuse_stale(in_force, experiment, submission)
        if in_force.experiment.layer != experiment.layer:
            raise ExperimentConflictError(
                f"experiment {experiment.slug!r}: its layer was fixed when it was created, since "
                "its units are its own; declare a new experiment under another slug instead"
            )
        if has_decisions(connection, experiment.slug):
            refuse_fixed_changes(in_force.experiment, experiment)
        _insert(connection, experiment, in_force.number + 1, submission)
    return read(connection, experiment.slug)


def find(connection: Connection, slug: str) -> Revision | None:
    """Return the revision in force, or ``None`` for an unknown experiment."""
    row = connection.execute(_SELECT + " desc limit 1", (slug,)).fetchone()
    return None if row is None else _revision(row)


def read(connection: Connection, slug: str) -> Revision:
    """Return the revision in force.

    Raises
    ------
    UnknownExperimentError
        If no experiment has this slug.
    """
    revision = find(connection, slug) if is_name(slug) else None
    if revision is None:
        raise UnknownExperimentError(
            f"no experiment {slug!r}; declare it in include/experiments/{slug}.toml"
        )
    return revision


def revisions(connection: Connection, slug: str) -> list[Revision]:
    """Return all revisions of an experiment, oldest first."""
    return [_revision(row) for row in connection.execute(_SELECT, (slug,))]


def slugs(connection: Connection) -> list[str]:
    """Return the slugs of all experiments, in order."""
    return [
        slug for (slug,) in connection.execute("select slug from allot.experiment order by slug")
    ]


def has_decisions(connection: Connection, slug: str) -> bool:
    """Tell whether a decision of this experiment was logged or counted."""
    row = connection.execute(
        "select exists (select 1 from allot.arm_statistics where experiment = %s)", (slug,)
    ).fetchone()
    return bool(row and row[0]) or _in_decision_log(connection, slug)


def _in_decision_log(connection: Connection, slug: str) -> bool:
    # The log belongs to serving, whose migrations may not be there yet.
    row = connection.execute("select to_regclass('allot.decision') is not null").fetchone()
    if not (row and row[0]):
        return False
    row = connection.execute(
        "select exists (select 1 from allot.decision where experiment = %s)", (slug,)
    ).fetchone()
    return bool(row and row[0])


def lock(connection: Connection, slug: str) -> None:
    """Let nobody else change an experiment until the end of the transaction."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (slug,))


def _insert_first(connection: Connection, experiment: Experiment, submission: Submission) -> None:
    connection.execute(
        "insert into allot.experiment (slug, created_by) values (%s, %s)",
        (experiment.slug, submission.submitted_by),
    )
    _insert(connection, experiment, 1, submission)
    assign_slice(connection, experiment)
    insert_version_zero(connection, experiment, version_zero(experiment), datetime.now(UTC))


def _insert(
    connection: Connection, experiment: Experiment, number: int, submission: Submission
) -> None:
    connection.execute(
        "insert into allot.experiment_revision (experiment, revision, revision_hash, canonical,"
        " origin, submitted_by, reason) values (%s, %s, %s, %s, %s, %s, %s)",
        (
            experiment.slug,
            number,
            experiment.revision_hash(),
            canonical_json(experiment.document()).decode(),
            submission.origin,
            submission.submitted_by,
            submission.reason,
        ),
    )


def _refuse_stale(in_force: Revision, experiment: Experiment, submission: Submission) -> None:
    """Refuse to overwrite a revision that the submitter cannot have seen."""
    if submission.based_on is not None:
        stale = submission.based_on != in_force.revision_hash
    else:
        # A file follows files: it never silently undoes what somebody did through the API.
        stale = in_force.origin != submission.origin
    if stale:
        lines = differences(in_force.experiment.document(), experiment.document())
        raise ExperimentConflictError(
            f"experiment {experiment.slug!r}: revision {in_force.number} is in force, submitted by "
            f"{in_force.submitted_by} ({in_force.origin}: {in_force.reason}), and differs:\n  "
            + "\n  ".join(lines)
            + "\nTake its values over, or submit through the API naming the revision you saw."
        )


def _revision(row: tuple[Any, ...]) -> Revision:
    number, name, document, origin, submitted_by, reason, submitted_at = row
    experiment = Experiment.model_validate(document)
    return Revision(experiment, number, name, origin, submitted_by, reason, submitted_at)
