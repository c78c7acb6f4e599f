"""Holds of publishing as rows, in whoever's transaction; the pipeline writes the same ones."""

from datetime import datetime
from typing import Final, NamedTuple

from include.contract.batches import was_closed
from include.experiments.schema import Experiment
from serving.stores.revisions import Connection, Submission

_HOLDS: Final = """
select number, held, by, why, through::text, at
from allot.publishing_hold where experiment = %s order by number
"""
# Named arguments; a row only while publishing is held.
IN_FORCE: Final = """
select by, why, at as since
from allot.publishing_holds
where experiment = %(experiment)s and in_force and held
"""
_RELEASE: Final = """
insert into allot.publishing_hold (experiment, number, held, by, why, through)
select %(slug)s::text, coalesce(max(number), 0) + 1, false, %(by)s::text, %(why)s::text,
    %(through)s::text
from allot.publishing_hold where experiment = %(slug)s::text
returning number, held, by, why, through::text, at
"""
_SUMS: Final = """
select batch_id::text, observed_at
from allot.batch_statistics where experiment = %s and superseded_at is null order by batch_id desc
"""


class HoldRow(NamedTuple):
    """A hold or a release, as stored; the highest number is in force.

    ``through`` is the newest batch that a release accepts as it is.
    """

    number: int
    held: bool
    by: str
    why: str
    through: str | None
    at: datetime


async def holds(connection: Connection, experiment: str) -> list[HoldRow]:
    """Return every hold and release of an experiment, oldest first."""
    rows = await connection.execute(_HOLDS, (experiment,))
    return [HoldRow(*row) for row in await rows.fetchall()]


async def release(
    connection: Connection, experiment: Experiment, submission: Submission
) -> HoldRow:
    """Let publishing go on; every batch that is closed now is accepted as it is."""
    slug = experiment.slug
    # That of guardrails: nothing is judged, held or rolled back meanwhile.
    await connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 5))", (slug,))
    through = await _newest_closed(connection, experiment)
    written = await connection.execute(
        _RELEASE,
        {"slug": slug, "by": submission.by, "why": submission.reason, "through": through},
    )
    return HoldRow(*(await written.fetchall())[0])


async def _newest_closed(connection: Connection, experiment: Experiment) -> str | None:
    rows = await (await connection.execute(_SUMS, (experiment.slug,))).fetchall()
    cadence, window = experiment.batch, experiment.reward.window
    closed = (name for name, seen in rows if was_closed(name, cadence, window, seen))
    return next(closed, None)
