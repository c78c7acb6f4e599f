"""Posted totals into PostgreSQL: a new entry wherever one changes."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from serving.stores.experiments import Experiments
from serving.stores.revisions import Connection, Revision, lock

_INSERT: Final = """
insert into allot.daily_total (experiment, day, arm_id, decisions, rewards, updated_by)
select %(experiment)s, given.day, given.arm_id, given.decisions, given.rewards, %(by)s
from json_to_recordset(%(totals)s::json) as given (
    day date, arm_id text, decisions bigint, rewards double precision
)
left join lateral (
    select decisions, rewards from allot.daily_total as held
    where
        held.experiment = %(experiment)s and held.day = given.day and held.arm_id = given.arm_id
    order by held.entry desc limit 1
) as newest on true
where
    newest.decisions is null
    or (newest.decisions, newest.rewards) <> (given.decisions, given.rewards)
returning day, arm_id
"""


class Total(NamedTuple):
    """What was counted of one arm on one day (UTC)."""

    day: date
    arm_id: str
    decisions: int
    rewards: float


class Totals:
    """Writes totals, all of a call or none.

    Parameters
    ----------
    experiments
        Where experiments are declared.
    """

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def newest(self, experiment: str) -> Revision | None:
        """Return the declaration in force."""
        found = await self._experiments.revisions(experiment)
        return found[-1] if found else None

    async def upsert(
        self, experiment: str, totals: Sequence[Total], by: str
    ) -> set[tuple[date, str]]:
        """Put totals in force; return the days and arms where that changed anything.

        Raises
        ------
        Problem
            422 if the database refuses one; 503 if that is not known in time: repeat the call.
        """
        rows = [{**total._asdict(), "day": total.day.isoformat()} for total in totals]

        async def work(connection: Connection) -> set[tuple[date, str]]:
            # Two who post the same day at once: the later one sees the earlier one's entry.
            await lock(connection, experiment)
            written = await connection.execute(
                _INSERT, {"experiment": experiment, "by": by, "totals": json.dumps(rows)}
            )
            return {(day, arm) for day, arm in await written.fetchall()}

        return await self._experiments.call(work)
