"""Roll an experiment back, or let it go on: by guardrails in their transaction, or by hand."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from include.contract.canonical import Json
from include.contract.published import Published
from include.errors import RollbackError
from include.settings import Settings
from include.stores.reports import gates, guardrails, holds, weights
from include.stores.reports.batches import closed_batches
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.experiments import Revision, read
from include.tasks.rollback_version import rollback_snapshot

if TYPE_CHECKING:
    from include.bandit.rollback import Target

# Good versions that are looked at for shares that fit; what is older fits no better.
LOOKED_BACK: Final = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a roll-back left.

    Attributes
    ----------
    version
        The head afterwards.
    restored
        Version whose buckets came back; ``None``: the declared default shares.
    written
        Whether this call wrote it; not, where the same was in force already.
    """

    experiment: str
    version: int
    restored: int | None
    written: bool


def roll_back(
    settings: Settings,
    slug: str,
    *,
    to: str,
    by: str,
    why: str,
    provenance: Mapping[str, Json] | None = None,
) -> RolledBack:
    """Bring earlier shares back and hold publishing, by hand; the same again changes nothing.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    slug
        Experiment.
    to
        ``last_good``, ``default``, or a version as ``v12``.
    by, why
        Who does it, and why, in their words.
    provenance
        What to keep beside the content.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    RollbackError
        If nobody or nothing is named, or the declaration in force does not allow those shares.
    """
    _named(by, why)
    with transaction(settings) as connection:
        revision = read(connection, slug)
        holds.lock_guard(connection, slug)
        target = _target(connection, revision, to)
        done = append_rollback(
            connection, revision, target, by=by, why=why, provenance=provenance or {}
        )
    _log.warning("%s v%d: rolled back by %s: %s", slug, done.version, by, why)
    return done


def release(settings: Settings, slug: str, *, by: str, why: str) -> str | None:
    """Let publishing go on; every batch that is closed now is accepted as it is.

    Returns
    -------
    str or None
        Newest batch that is accepted; ``None`` before any.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    RollbackError
        If nobody or nothing is named.
    """
    _named(by, why)
    with transaction(settings) as connection:
        experiment = read(connection, slug).experiment
        holds.lock_guard(connection, slug)
        closed = closed_batches(connection, experiment)
        through = closed[-1].batch_id if closed else None
        holds.write_hold(connection, slug, held=False, by=by, why=why, through=through)
    _log.warning("%s: released by %s through %s: %s", slug, by, through, why)
    return through


def append_rollback(
    connection: Connection,
    revision: Revision,
    target: "Target",
    *,
    by: str,
    why: str,
    provenance: Mapping[str, Json],
) -> RolledBack:
    """Append the version and the hold; the caller holds the experiment's lock, and commits.

    A publisher that was first on the same parent is followed, not fought: the roll-back then
    has its version as the parent. A challenger on the ramp is rejected with it.
    """
    slug = revision.experiment.slug
    live = weights.head(connection, slug)
    held = holds.standing(connection, slug).held
    if held and _brings(connection, live) == (target.restored,):
        return RolledBack(slug, live.version, target.restored, written=False)
    while True:
        new = rollback_snapshot(connection, revision, live, target, why=why, provenance=provenance)
        live, ours = weights.insert_snapshot(connection, new)
        if ours:
            break
    holds.write_hold(connection, slug, held=True, by=by, why=why)
    _reject_ramp(connection, revision, live, by=by, why=why)
    return RolledBack(slug, live.version, target.restored, written=True)


def good_ones(connection: Connection, slug: str, live: Published) -> Sequence[Published]:
    """Return the versions before the live one whose batch passed, newest first."""
    numbers = guardrails.good_versions(connection, slug, live.version)
    return weights.snapshots(connection, slug, numbers[:LOOKED_BACK])[::-1]


def _reject_ramp(
    connection: Connection, revision: Revision, live: Published, *, by: str, why: str
) -> None:
    """Reject a challenger that had traffic: what went wrong went wrong with it."""
    from include.bandit.gate.ramp import Standing

    if revision.experiment.challenger is None:
        return
    since = gates.since_of(connection, revision)
    standing, _ = gates.newest(connection, revision.experiment.slug, since)
    if standing.state != "ramp":
        return
    told = f"rejected: shares were rolled back at {standing.share:.0%} of the ramp: {why}"
    rejected = gates.Decision(since, Standing("rejected"), told, None, live.version, by)
    gates.write_decision(connection, revision.experiment, rejected)


def _target(connection: Connection, revision: Revision, to: str) -> "Target":
    from include.bandit.rollback import DEFAULT, Target, allowed, choose

    slug = revision.experiment.slug
    live = weights.head(connection, slug)
    if to == "default":
        return DEFAULT
    if to == "last_good":
        wanted = revision.experiment.model_copy(
            update={
                "guardrails": revision.experiment.guardrails.model_copy(
                    update={"restore": "last_good"}
                )
            }
        )
        return choose(wanted, live, good_ones(connection, slug, live))
    number = int(to[1:]) if to[:1] == "v" and to[1:].isdecimal() else -1
    found = weights.snapshots(connection, slug, [number])
    if not found:
        raise RollbackError(
            f"experiment {slug!r} has no version {to!r}; say last_good, default, or one of "
            f"v0 … v{live.version}"
        )
    if not allowed(revision.experiment, found[0].content):
        raise RollbackError(
            f"experiment {slug!r}: the declaration in force does not allow the shares of {to} "
            "(arms, cells, positions or limits have changed); roll back to default instead"
        )
    return Target(found[0].version, found[0].content, f"{to}, as asked for")


def _brings(connection: Connection, live: Published) -> tuple[int | None] | None:
    """Return what the head restored, if it is a roll-back."""
    row = connection.execute(
        "select restored from allot.allocation_event"
        " where experiment = %s and version = %s and reason = 'rollback'",
        (live.content.experiment, live.version),
    ).fetchone()
    return None if row is None else (row[0],)


def _named(by: str, why: str) -> None:
    if not by.strip() or not why.strip():
        raise RollbackError("say who does it and why: both stand in the history for good")
