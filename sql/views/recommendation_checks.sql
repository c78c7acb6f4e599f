-- Why: every condition behind the newest recommendation of every experiment.
create view allot.recommendation_checks as
with newest as (
    select distinct on (experiment) *
    from allot.recommendation
    order by experiment asc, recommended_at desc, batch_id desc, judgement_hash asc
)

select
    n.experiment::text as experiment,
    n.kind as recommendation,
    c.number,
    c.one ->> 'rule' as rule,
    c.one ->> 'name' as condition,
    c.one ->> 'arm' as arm_id,
    (c.one ->> 'position')::smallint as position,
    (c.one ->> 'value')::double precision as value,
    (c.one ->> 'threshold')::double precision as threshold,
    c.one ->> 'state' as state,
    c.one ->> 'words' as words,
    n.batch_id::text as batch_id
from newest as n
cross join lateral jsonb_array_elements(n.checks) with ordinality as c (one, number);

comment on view allot.recommendation_checks is
'Why is an experiment told that? Every condition with its value, its threshold and its outcome.';
comment on column allot.recommendation_checks.experiment is 'Slug of the experiment.';
comment on column allot.recommendation_checks.recommendation is 'What is recommended.';
comment on column allot.recommendation_checks.number is 'Order of the conditions, from 1.';
comment on column allot.recommendation_checks.rule is
'ship, harm, futility or duration: a rule fires when all its conditions are met.';
comment on column allot.recommendation_checks.condition is 'Name of the condition.';
comment on column allot.recommendation_checks.arm_id is 'Arm; null where it concerns all.';
comment on column allot.recommendation_checks.position is
'Slot in the slate, from 0; null where it concerns all.';
comment on column allot.recommendation_checks.value is 'What was found; null where unknown.';
comment on column allot.recommendation_checks.threshold is 'What it was compared with.';
comment on column allot.recommendation_checks.state is
'met, not met or unknown, which is never met.';
comment on column allot.recommendation_checks.words is 'What was looked at, for a person.';
comment on column allot.recommendation_checks.batch_id is 'Newest closed batch that was read.';
