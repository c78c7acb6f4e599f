"""An experiment batch by batch: what was observed, what was published, what may be said."""

from typing import Any, Final

from serving.reading.cursor import read_cursor, write_cursor
from serving.stores.reports import Reader, Reports, Row

_BATCHES: Final = """
select b.batch_id::text as batch, v.version, v.published_at
from allot.batch_statistics as b
left join lateral (
    -- The version as published after this batch; restatements are in the history.
    select w.version, w.published_at
    from allot.weights_snapshot as w
    where w.experiment = b.experiment and w.batch_id = b.batch_id
    order by w.version
    limit 1
) as v on true
where
    b.experiment = %(experiment)s
    and b.superseded_at is null
    and (%(after)s::text is null or b.batch_id::text > %(after)s)
order by b.batch_id::text
limit %(limit)s
"""
_ARMS: Final = """
with observed as (
    select s.batch_id, s.position, s.arm, sum(s.n)::bigint as n, sum(s.sum_r) as r
    from allot.arm_statistics as s
    inner join allot.batch_statistics as b
        on
            s.experiment = b.experiment
            and s.batch_id = b.batch_id
            and s.statistics_hash = b.statistics_hash
            and b.superseded_at is null
    where s.experiment = %(experiment)s and s.batch_id = any(%(batches)s)
    group by s.batch_id, s.position, s.arm
),

published as (
    select p.batch_id, a.slot as position, a.arm, a.arm_id, a.share, a.best_probability
    from unnest(%(batches)s::text [], %(versions)s::integer []) as p (batch_id, version)
    inner join allot.allocation as a
        on a.experiment = %(experiment)s and p.version = a.version and a.cell = '*'
),

named as (
    select document -> 'arms' as arms from allot.experiment_revision
    where experiment = %(experiment)s order by revision desc limit 1
)

select
    coalesce(o.batch_id, p.batch_id)::text as batch,
    coalesce(o.position, p.position) as position,
    coalesce(p.arm_id::text, named.arms ->> coalesce(o.arm, p.arm)::integer) as arm_id,
    coalesce(o.n, 0) as observations,
    coalesce(o.r, 0) as rewards,
    o.n::double precision / nullif(sum(o.n) over (
        partition by coalesce(o.batch_id, p.batch_id), coalesce(o.position, p.position)
    ), 0)::double precision as observed_share,
    p.share as published_share,
    p.best_probability
from observed as o
full outer join published as p
    on o.batch_id = p.batch_id and o.position = p.position and o.arm = p.arm
cross join named
order by 1, 2, coalesce(o.arm, p.arm)
"""
_SEQUENCES: Final = """
select
    batch_id as batch, position, arm_id, family, method, against, look, answer, reason,
    estimate, lo, hi, level
from allot.confidence_sequences
where experiment = %(experiment)s and batch_id = any(%(batches)s)
order by batch, position, arm_id, family desc, method, look
"""


async def timeseries(
    reports: Reports, experiment: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Return a page of batches, oldest first.

    Raises
    ------
    Problem
        404, 422 or 503.
    """

    async def work(reader: Reader) -> dict[str, Any]:
        await reader.known(experiment)
        [after] = read_cursor(cursor, (str,)) or [None]
        asked = {"experiment": experiment, "after": after, "limit": limit + 1}
        found = await reader.rows(_BATCHES, asked)
        page, more = found[:limit], len(found) > limit
        inside = {
            "experiment": experiment,
            "batches": [row["batch"] for row in page],
            "versions": [row["version"] for row in page],
        }
        arms = await reader.rows(_ARMS, inside)
        sequences = await reader.rows(_SEQUENCES, inside)
        return {
            "experiment_id": experiment,
            "batches": _nested(page, arms, sequences),
            "next_cursor": write_cursor([page[-1]["batch"]]) if more else None,
        }

    return await reports.read(work)


def _nested(batches: list[Row], arms: list[Row], sequences: list[Row]) -> list[dict[str, Any]]:
    nested = {row["batch"]: {**row, "positions": []} for row in batches}
    placed: dict[tuple[str, int, str], Row] = {}
    for arm in arms:
        batch, position = arm.pop("batch"), arm.pop("position")
        positions = nested[batch]["positions"]
        if not positions or positions[-1]["position"] != position:
            positions.append({"position": position, "arms": []})
        placed[batch, position, arm["arm_id"]] = arm | {"sequences": []}
        positions[-1]["arms"].append(placed[batch, position, arm["arm_id"]])
    for sequence in sequences:
        key = (sequence.pop("batch"), sequence.pop("position"), sequence.pop("arm_id"))
        if key in placed:
            placed[key]["sequences"].append(sequence)
    return list(nested.values())
