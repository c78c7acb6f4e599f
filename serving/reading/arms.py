"""How each arm did: the naive mean beside the corrected one, over all units and by cohort."""

from collections.abc import Mapping
from typing import Any, Final, LiteralString

from serving.answers import Problem
from serving.reading.cursor import read_cursor, write_cursor
from serving.stores.reports import Reader, Reports, Row

_ARMS: Final = """
with live as (
    -- Where shares differ by context cell there is no pooled one: /cohorts tells by cell.
    select distinct on (a.slot, a.arm)
        a.version, a.slot as position, a.arm, a.arm_id,
        case when a.cell = '*' then a.share end as share,
        case when a.cell = '*' then a.best_probability end as best_probability
    from allot.allocation as a
    where
        a.experiment = %(experiment)s
        and a.version = (
            select max(version) from allot.weights_snapshot where experiment = %(experiment)s
        )
    order by a.slot, a.arm, (a.cell = '*') desc
)

select
    l.position, l.arm, l.arm_id::text as arm_id,
    coalesce(p.observations, 0) as observations,
    coalesce(p.rewards, 0) as rewards,
    p.naive_mean, p.naive_lo, p.naive_hi, p.corrected_mean, p.corrected_lo, p.corrected_hi,
    p.posterior_mean, p.posterior_sd,
    l.best_probability, l.share as live_share, l.version as weights_version
from live as l
left join allot.arm_performance as p
    on p.experiment = %(experiment)s and l.position = p.position and l.arm = p.arm
where
    %(position)s::integer is null or (l.position, l.arm) > (%(position)s::integer, %(arm)s::integer)
order by l.position, l.arm
limit %(limit)s
"""
_COHORTS: Final = """
with sums as (
    select
        s.cohort, s.position, s.arm,
        sum(s.n)::bigint as n, sum(s.sum_r) as r, sum(s.sum_r2) as r2,
        sum(s.sum_ip) as ip, sum(s.sum_ip2) as ip2, sum(s.sum_r_ip) as r_ip,
        sum(s.sum_r_ip2) as r_ip2, sum(s.sum_r2_ip2) as r2_ip2
    from allot.arm_statistics as s
    inner join allot.batch_statistics as b
        on
            s.experiment = b.experiment
            and s.batch_id = b.batch_id
            and s.statistics_hash = b.statistics_hash
            and b.superseded_at is null
    where s.experiment = %(experiment)s
    group by s.cohort, s.position, s.arm
),

means as (
    select
        *,
        r / n as naive_mean,
        1.959964 * sqrt(greatest(r2 / n - (r / n) ^ 2, 0) / n) as naive_half,
        r_ip / ip as corrected_mean,
        1.959964
        * sqrt(greatest(r2_ip2 - 2 * r_ip / ip * r_ip2 + (r_ip / ip) ^ 2 * ip2, 0)) / ip
            as corrected_half
    from sums
),

head as (
    select max(version) as version from allot.weights_snapshot where experiment = %(experiment)s
),

named as (
    select document -> 'arms' as arms from allot.experiment_revision
    where experiment = %(experiment)s order by revision desc limit 1
)

select
    m.cohort, m.position, m.arm, named.arms ->> m.arm as arm_id,
    m.n as observations, m.r as rewards,
    m.naive_mean, m.naive_mean - m.naive_half as naive_lo, m.naive_mean + m.naive_half as naive_hi,
    m.corrected_mean,
    m.corrected_mean - m.corrected_half as corrected_lo,
    m.corrected_mean + m.corrected_half as corrected_hi,
    p.mean as posterior_mean, p.sd as posterior_sd,
    a.best_probability, a.share as live_share, head.version as weights_version
from means as m
cross join head
cross join named
left join allot.allocation as a
    on
        a.experiment = %(experiment)s
        and head.version = a.version
        and m.cohort = a.cell
        and m.position = a.slot
        and m.arm = a.arm
left join allot.posterior_snapshot as p
    on
        p.experiment = %(experiment)s
        and head.version = p.version
        and m.cohort = p.cell
        and m.position = p.slot
        and m.arm = p.arm
where
    %(cohort)s::text is null
    or (m.cohort, m.position, m.arm)
    > (%(cohort)s::text, %(position)s::integer, %(arm)s::integer)
order by m.cohort, m.position, m.arm
limit %(limit)s
"""


async def arms(reports: Reports, experiment: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """Return a page of arms per position, over all batches.

    Raises
    ------
    Problem
        404, 422 or 503.
    """
    key = {"position": int, "arm": int}
    return await _page(reports, experiment, _ARMS, key, cursor=cursor, limit=limit)


async def cohorts(
    reports: Reports, experiment: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Return a page of arms per cohort and position, over all batches.

    Raises
    ------
    Problem
        404, 422 or 503.
    """
    key = {"cohort": str, "position": int, "arm": int}
    return await _page(reports, experiment, _COHORTS, key, cursor=cursor, limit=limit)


async def _page(
    reports: Reports,
    experiment: str,
    query: LiteralString,
    key: Mapping[str, type],
    *,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    async def work(reader: Reader) -> list[Row]:
        await reader.known(experiment)
        after = read_cursor(cursor, list(key.values())) or [None] * len(key)
        asked = dict(zip(key, after, strict=True))
        return await reader.rows(query, {"experiment": experiment, "limit": limit + 1, **asked})

    found = await reports.read(work)
    last = found[limit - 1] if len(found) > limit else None
    return {
        "experiment_id": experiment,
        "arms": found[:limit],
        "next_cursor": last and write_cursor([last[name] for name in key]),
    }


_BEST: Final = """
select w.version, w.batch_id::text as batch, a.cell, a.slot as position, a.arm_id::text as arm_id,
    a.best_probability
from allot.weights_snapshot as w
inner join allot.allocation as a on w.experiment = a.experiment and w.version = a.version
where
    w.experiment = %(experiment)s
    and w.version = (
        select max(version) from allot.weights_snapshot where experiment = %(experiment)s
    )
order by (a.cell = '*') desc, a.cell, a.slot, a.arm
"""


async def best_probabilities(reports: Reports, experiment: str) -> dict[str, Any]:
    """Return P(arm is best) behind the newest weights.

    Raises
    ------
    Problem
        404 or 503.
    """

    async def work(reader: Reader) -> list[Row]:
        await reader.known(experiment)
        return await reader.rows(_BEST, {"experiment": experiment})

    rows = await reports.read(work)
    if not rows:
        raise Problem(404, "unknown-experiment", "no weights are published", field="experiment_id")
    cells: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        cell = cells.setdefault(
            (row["cell"], row["position"]),
            {"cell": row["cell"], "position": row["position"], "p_best": {}},
        )
        cell["p_best"][row["arm_id"]] = row["best_probability"]
    slots = list(cells.values())
    return {
        "experiment_id": experiment,
        "weights_version": rows[0]["version"],
        "batch": rows[0]["batch"],
        "p_best": slots[0]["p_best"],
        "positions": slots,
    }
