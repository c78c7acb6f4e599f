-- What every experiment is told to do now, why, and what a person said to it.
create view allot.recommendations as
with newest as (
    select distinct on (experiment) *
    from allot.recommendation
    order by experiment asc, recommended_at desc, batch_id desc, judgement_hash asc
)

select
    n.experiment::text as experiment,
    n.kind as recommendation,
    n.arm::text as arm_id,
    n.summary,
    case
        when e.answer is not null then 'ended'
        when n.kind = 'keep_running' then 'running'
        when a.answer is not null then a.answer
        when n.rules ->> 'ship' = 'automatic' then 'automatic'
        else 'waits for a person'
    end as status,
    coalesce(e.answer, a.answer) as answer,
    coalesce(e.answered_by, a.answered_by) as answered_by,
    coalesce(e.reason, a.reason) as answer_reason,
    coalesce(e.answered_at, a.answered_at) as answered_at,
    e.revision as ended_by_revision,
    n.days,
    n.maximum_days,
    p.power as planned_power,
    coalesce(p.warning, '') as planner_warning,
    n.batch_id::text as batch_id,
    n.judgement_hash::text as judgement_hash,
    n.recommended_at,
    n.dag_run
from newest as n
left join allot.verdict_answer as a
    on
        n.experiment = a.experiment
        and n.batch_id = a.batch_id
        and n.judgement_hash = a.judgement_hash
left join allot.verdict_answer as e
    on n.experiment = e.experiment and e.revision is not null
left join lateral (
    select
        q.power,
        q.warning
    from allot.experiment_plan as q
    where q.experiment = n.experiment
    order by q.revision desc
    limit 1
) as p on true;

comment on view allot.recommendations is
'What is every experiment told to do, and who said what to it? The newest recommendation each.';
comment on column allot.recommendations.experiment is 'Slug of the experiment.';
comment on column allot.recommendations.recommendation is
'keep_running, ship, stop_harm, stop_futility or stop_duration.';
comment on column allot.recommendations.arm_id is 'Arm to ship; null else.';
comment on column allot.recommendations.summary is 'The recommendation in a sentence.';
comment on column allot.recommendations.status is
'running, waits for a person, rejected, superseded, automatic (about to end) or ended.';
comment on column allot.recommendations.answer is
'approved, rejected, automatic or superseded; null while nobody answered.';
comment on column allot.recommendations.answered_by is 'Who answered.';
comment on column allot.recommendations.answer_reason is 'Why, in their words.';
comment on column allot.recommendations.answered_at is 'When (UTC).';
comment on column allot.recommendations.ended_by_revision is
'Declaration that ended the experiment; null while it goes on.';
comment on column allot.recommendations.days is 'Days of closed batches.';
comment on column allot.recommendations.maximum_days is 'Longest duration.';
comment on column allot.recommendations.planned_power is
'Chance that the declared uplift is found in time, by the planner; null where not planned.';
comment on column allot.recommendations.planner_warning is
'What the planner warns of; empty where nothing is.';
comment on column allot.recommendations.batch_id is 'Newest closed batch that was read.';
comment on column allot.recommendations.judgement_hash is 'Names the judgement that was read.';
comment on column allot.recommendations.recommended_at is 'When it was recommended (UTC).';
comment on column allot.recommendations.dag_run is 'Airflow run that wrote it.';
