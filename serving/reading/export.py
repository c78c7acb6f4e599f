"""Exports: what the database streams, some hundred rows at a time."""

from typing import Final, Literal, LiteralString

What = Literal["decisions", "rewards", "statistics"]

# One row per decision and position, as in silver; the reward that joined it beside it, and whether
# it was shown, where that is declared and it was drawn.
_DECISIONS: Final = """
with joined as (
    select decision_id, value, occurred_at
    from allot.reward_outcome
    where experiment = %(experiment)s and outcome = 'joined'
),

shown as (
    select decision_id
    from allot.exposure_outcome
    where experiment = %(experiment)s and outcome = 'joined'
),

declared as (
    select document ? 'exposure' as exposure
    from allot.experiment_revision
    where experiment = %(experiment)s order by revision desc limit 1
)

select
    d.decision_id,
    to_char(d.decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as decided_at,
    d.unit as unit_id,
    d.cell,
    d.version as weights_version,
    d.content_hash::text as content_hash,
    d.strategy,
    s.place - 1 as position,
    s.arm_id,
    s.share / 10000.0::double precision as propensity,
    d.flag,
    case when w.exposure and d.flag is null then (h.decision_id is not null)::text end as exposed,
    j.value as reward,
    to_char(j.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        as reward_occurred_at
from allot.decision as d
cross join lateral unnest(d.arm_ids, d.shares) with ordinality as s (arm_id, share, place)
cross join declared as w
left join joined as j on d.decision_id = j.decision_id
left join shown as h on d.decision_id = h.decision_id
where d.experiment = %(experiment)s
order by d.decision_id, s.place
"""
_REWARDS: Final = """
select
    reward_id,
    decision_id,
    unit as unit_id,
    arm_id,
    value as reward,
    to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as occurred_at,
    to_char(received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as received_at,
    outcome
from allot.reward_outcome
where experiment = %(experiment)s
order by received_at, reward_id
"""
_STATISTICS: Final = """
select
    s.batch_id::text as batch,
    s.version,
    s.position,
    s.arm,
    r.document -> 'arms' ->> s.arm as arm_id,
    s.cohort,
    s.n as observations,
    s.sum_r, s.sum_r2, s.sum_ip, s.sum_ip2, s.sum_r_ip, s.sum_r_ip2, s.sum_r2_ip2,
    s.statistics_hash::text as statistics_hash
from allot.arm_statistics as s
inner join allot.batch_statistics as b
    on
        s.experiment = b.experiment
        and s.batch_id = b.batch_id
        and s.statistics_hash = b.statistics_hash
        and b.superseded_at is null
cross join lateral (
    select document from allot.experiment_revision
    where experiment = %(experiment)s order by revision desc limit 1
) as r
where s.experiment = %(experiment)s
order by s.batch_id, s.version, s.position, s.arm, s.cohort
"""

EXPORTS: Final[dict[What, LiteralString]] = {
    "decisions": _DECISIONS,
    "rewards": _REWARDS,
    "statistics": _STATISTICS,
}
