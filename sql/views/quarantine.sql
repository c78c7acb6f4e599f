-- Refused rows by expectation and arm: batches of the API's own log, and files of a foreign one.
create view allot.quarantine as
with declared as not materialized (
    select distinct on (er.experiment)
        er.experiment,
        er.document
    from allot.experiment_revision as er
    order by er.experiment asc, er.revision desc
),

refused as (
    select
        r.experiment,
        'decisions' as log,
        r.batch_id::text as batch_id,
        r.expectation,
        r.arm,
        r.rows
    from allot.log_refusal as r
    union all
    select
        d.experiment,
        f.behavior_policy::text as log,
        null as batch_id,
        q.expectation,
        q.arm,
        q.row_count as rows
    from declared as d
    inner join lateral (
        select distinct on (v.behavior_policy)
            v.source,
            v.behavior_policy,
            v.sha256
        from allot.validation as v
        where
            v.verdict = 'accepted'
            and v.source = 'open_bandit-' || (d.document #>> '{source,campaign}')
        order by v.behavior_policy asc, v.lake_version desc
    ) as f on true
    inner join allot.quarantine_count as q
        on
            f.source = q.source
            and f.behavior_policy = q.behavior_policy
            and f.sha256 = q.sha256
)

select
    r.experiment::text as experiment,
    r.log,
    r.batch_id,
    r.expectation,
    r.arm,
    d.document -> 'arms' ->> r.arm as arm_id,
    r.rows
from refused as r
inner join declared as d on r.experiment = d.experiment;

comment on view allot.quarantine is
'Rows that were refused, by expectation and arm.';
comment on column allot.quarantine.experiment is 'Slug of the experiment.';
comment on column allot.quarantine.log is
'Whose log: decisions for the API''s own, else the behavior policy.';
comment on column allot.quarantine.batch_id is
'Batch of the rows; null for a foreign log, which is refused file by file.';
comment on column allot.quarantine.expectation is 'The first expectation that refused them.';
comment on column allot.quarantine.arm is
'Index of the arm as logged; null where the row does not say readably.';
comment on column allot.quarantine.arm_id is
'Name of the arm; null where the experiment has none of that index.';
comment on column allot.quarantine.rows is 'How many rows.';
