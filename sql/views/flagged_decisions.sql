-- Decisions that were answered without a draw, by day, reason and arm: none is learned from.
create view allot.flagged_decisions as
with days as (
    select
        a.experiment,
        left(a.batch_id, 10)::date as day,
        a.policy,
        a.position,
        a.arm,
        sum(a.decisions)::bigint as decisions
    from allot.log_arm as a
    group by a.experiment, left(a.batch_id, 10)::date, a.policy, a.position, a.arm
),

compared as (
    select
        d.*,
        sum(d.decisions) over (partition by d.experiment, d.day, d.position) as of_all
    from days as d
)

select
    c.experiment::text as experiment,
    c.day,
    c.policy as flag,
    c.position,
    c.arm,
    r.document -> 'arms' ->> c.arm as arm_id,
    c.decisions,
    (c.decisions / c.of_all)::double precision as share
from compared as c
inner join lateral (
    select newest.document
    from allot.experiment_revision as newest
    where newest.experiment = c.experiment
    order by newest.revision desc
    limit 1
) as r on true
where c.policy !~ '^v[0-9]+$';

comment on view allot.flagged_decisions is
'Decisions that were answered without a draw, by day, reason and arm: never learned from.';
comment on column allot.flagged_decisions.experiment is 'Slug of the experiment.';
comment on column allot.flagged_decisions.day is 'Day on which their batch begins (UTC).';
comment on column allot.flagged_decisions.flag is
'Why nothing was drawn: excluded (bots and staff, as declared), ineligible, outside, forced, '
'draft, paused or stopped.';
comment on column allot.flagged_decisions.position is 'Slot in the slate, from 0.';
comment on column allot.flagged_decisions.arm is 'Index of the arm that was answered, from 0.';
comment on column allot.flagged_decisions.arm_id is 'Name of the arm.';
comment on column allot.flagged_decisions.decisions is 'How many, of those in silver.';
comment on column allot.flagged_decisions.share is
'Of all decisions of the day at this position, drawn ones included.';
