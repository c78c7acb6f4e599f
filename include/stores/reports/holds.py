"""Whether an experiment may get new versions: its state, and holds that a person ends."""

from dataclasses import dataclass
from datetime import datetime

from include.contract.lifecycle import State
from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True)
class Standing:
    """What keeps an experiment from getting new versions, if anything does.

    Attributes
    ----------
    state, state_reason
        Newest state; running before any was written.
    held, held_by, held_why, held_at
        Whether publishing is held, by whom, why, and since when.
    released_through
        Newest batch that a person accepted as it is; empty before any release.
    """

    state: State
    state_reason: str
    held: bool
    held_by: str
    held_why: str
    held_at: datetime | None
    released_through: str

    @property
    def stops(self) -> str | None:
        """Say why no new version may follow; ``None`` where one may."""
        if self.state != "running":
            return f"it is {self.state}: {self.state_reason}"
        if self.held:
            return f"publishing is held by {self.held_by}: {self.held_why}"
        return None


def standing(connection: Connection, experiment: str) -> Standing:
    """Return the standing of a registered experiment."""
    row = connection.execute(
        "select coalesce(s.state, 'running'), coalesce(s.reason, ''), coalesce(h.held, false),"
        " coalesce(h.by, ''), coalesce(h.why, ''), h.at, coalesce(r.through, '')"
        " from (select %(slug)s::text as slug) as e"
        " left join lateral (select state, reason from allot.experiment_state"
        " where experiment = e.slug order by number desc limit 1) as s on true"
        " left join lateral (select held, by, why, at from allot.publishing_hold"
        " where experiment = e.slug order by number desc limit 1) as h on true"
        ' left join lateral (select max(through collate "C") as through'
        " from allot.publishing_hold where experiment = e.slug and not held) as r on true",
        {"slug": experiment},
    ).fetchone()
    if row is None:
        raise LookupError(experiment)
    return Standing(*row)


def states(connection: Connection) -> dict[str, tuple[State, str]]:
    """Return every experiment's newest state with its reason, in the order of slugs."""
    rows = connection.execute(
        "select e.slug, coalesce(s.state, 'running'), coalesce(s.reason, '')"
        " from allot.experiment as e"
        " left join lateral (select state, reason from allot.experiment_state"
        " where experiment = e.slug order by number desc limit 1) as s on true order by e.slug"
    )
    return {slug: (state, reason) for slug, state, reason in rows}


def lock_guard(connection: Connection, experiment: str) -> None:
    """Wait until no other transaction judges, holds, releases or rolls back this experiment."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 5))", (experiment,))


def write_hold(
    connection: Connection,
    experiment: str,
    *,
    held: bool,
    by: str,
    why: str,
    through: str | None = None,
) -> None:
    """Append a hold or a release; the caller holds the lock of `lock_guard`."""
    connection.execute(
        "insert into allot.publishing_hold (experiment, number, held, by, why, through)"
        " select %(slug)s::text, coalesce(max(number), 0) + 1, %(held)s::bool, %(by)s::text,"
        " %(why)s::text, %(through)s::text"
        " from allot.publishing_hold where experiment = %(slug)s::text",
        {"slug": experiment, "held": held, "by": by, "why": why, "through": through},
    )
