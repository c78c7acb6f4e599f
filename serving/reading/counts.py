"""How many decisions and rewards an experiment has received, without counting its whole log."""

from typing import Any, Final

from serving.stores.reports import Reader

# A summary is asked for often, and must not read a log of any length.
MOST: Final = 100_000

# Each record is in exactly one export, whose objects say how many; those after it are counted.
_COUNTS: Final = """
with exported as (
    select
        coalesce(
            min(e.from_xid) filter (where e.done_at is null), max(e.to_xid), '0'::xid8
        ) as until
    from allot.log_export as e
    where e.experiment = %(experiment)s
),

sums as (
    select
        coalesce(sum(o.rows) filter (where o.kind = 'decision'), 0)::bigint as decisions,
        coalesce(sum(o.rows) filter (where o.kind = 'reward'), 0)::bigint as rewards
    from allot.log_object as o
    inner join allot.log_export as e on o.experiment = e.experiment and o.number = e.number
    where o.experiment = %(experiment)s and e.done_at is not null
)

select
    sums.decisions,
    sums.rewards,
    (
        select count(*) from (
            select from allot.decision
            where experiment = %(experiment)s and received_xid >= (select until from exported)
            limit %(most)s + 1
        ) as newer
    ) as newer_decisions,
    (
        select count(*) from (
            select from allot.reward
            where experiment = %(experiment)s and received_xid >= (select until from exported)
            limit %(most)s + 1
        ) as newer
    ) as newer_rewards
from sums
"""


async def counts(reader: Reader, experiment: str, most: int = MOST) -> dict[str, Any]:
    """Return `decisions`, `rewards`, and whether they are ``counted`` exactly.

    Parameters
    ----------
    reader
        A snapshot of the database.
    experiment
        Slug.
    most
        Of the records that no export has brought to the lake yet, so many are counted.
    """
    [found] = await reader.rows(_COUNTS, {"experiment": experiment, "most": most})
    newer = (found["newer_decisions"], found["newer_rewards"])
    return {
        "decisions": found["decisions"] + min(newer[0], most),
        "rewards": found["rewards"] + min(newer[1], most),
        "counted": "exactly" if max(newer) <= most else "at_least",
    }
