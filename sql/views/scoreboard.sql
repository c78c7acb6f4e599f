-- What if policy X? Every judged policy beside the one that decided, batch by batch.
create view allot.scoreboard as
with evaluations as (
    select distinct on (e.experiment, e.batch_id)
        e.experiment,
        e.batch_id,
        e.statistics_hash,
        e.evaluated_at
    from allot.evaluation as e
    order by e.experiment asc, e.batch_id desc, e.evaluated_at desc
),

-- One estimator per policy, the same for all: the doubly robust where the log has enough batches.
chosen as (
    select distinct on (
        v.experiment, v.batch_id, v.statistics_hash, v.log, v.evaluation_policy
    ) v.*
    from allot.policy_value as v
    where
        v.position = 'all'
        and v.interval_method = 'normal'
        and v.estimator in ('on-policy', 'dr', 'snips', 'ips')
    order by
        v.experiment asc,
        v.batch_id asc,
        v.statistics_hash asc,
        v.log asc,
        v.evaluation_policy asc,
        array_position(array['on-policy', 'dr', 'snips', 'ips'], v.estimator) asc
),

judged as (
    select
        c.*,
        d.verdict,
        d.reasons,
        d.effective_sample_size,
        own.value as log_value,
        e.evaluated_at
    from chosen as c
    inner join evaluations as e
        on
            c.experiment = e.experiment
            and c.batch_id = e.batch_id
            and c.statistics_hash = e.statistics_hash
    inner join allot.policy_diagnostics as d
        on
            c.experiment = d.experiment
            and c.batch_id = d.batch_id
            and c.statistics_hash = d.statistics_hash
            and c.log = d.log
            and c.evaluation_policy = d.evaluation_policy
            and c.position = d.position
            and c.estimator = d.estimator
    left join allot.policy_value as own
        on
            c.experiment = own.experiment
            and c.batch_id = own.batch_id
            and c.statistics_hash = own.statistics_hash
            and c.log = own.log
            and c.log = own.evaluation_policy
            and own.position = 'all'
            and own.estimator = 'on-policy'
            and own.interval_method = 'normal'
)

select
    j.experiment::text as experiment,
    j.batch_id::text as batch_id,
    j.log,
    j.evaluation_policy,
    case
        when j.verdict = 'usable'
            then rank() over (
                partition by j.experiment::text, j.batch_id, j.log, j.verdict
                order by j.value desc
            )
    end as place,
    j.value,
    j.lo,
    j.hi,
    j.level,
    j.value - j.log_value as difference,
    j.value / nullif(j.log_value, 0) - 1 as relative_difference,
    j.estimator,
    j.basis,
    j.verdict,
    j.reasons,
    j.effective_sample_size,
    j.n,
    j.evaluated_at
from judged as j;

comment on view allot.scoreboard is
'What if policy X had been fixed? Every judged policy beside the one that decided, batch by batch.';
comment on column allot.scoreboard.experiment is 'Slug of the experiment.';
comment on column allot.scoreboard.batch_id is
'Newest batch that the evaluation read; one evaluation per batch, the newest.';
comment on column allot.scoreboard.log is 'Whose log was weighted.';
comment on column allot.scoreboard.evaluation_policy is
'Who is judged; the log''s own name: the policy that decided.';
comment on column allot.scoreboard.place is
'1 for the largest value of a usable estimate; null where the verdict is unknown.';
comment on column allot.scoreboard.value is 'Reward per decision, over all positions.';
comment on column allot.scoreboard.lo is
'Lower end of the normal interval, one look; null where none can be given.';
comment on column allot.scoreboard.hi is 'Upper end of the normal interval, likewise.';
comment on column allot.scoreboard.level is 'Nominal coverage of the interval.';
comment on column allot.scoreboard.difference is
'Value minus the mean of the log: what the policy would have added per decision.';
comment on column allot.scoreboard.relative_difference is
'Difference / mean of the log; null where that is 0.';
comment on column allot.scoreboard.estimator is
'on-policy for the log''s own policy; else dr, or snips where there is no model.';
comment on column allot.scoreboard.basis is
'Why the estimate is not flattered by its own data, as in policy_values.';
comment on column allot.scoreboard.verdict is
'usable, or unknown: then the estimate is no finding.';
comment on column allot.scoreboard.reasons is
'Which limits were broken, in words; empty when usable.';
comment on column allot.scoreboard.effective_sample_size is
'(Σw)² / Σw²: how many equally weighted rows would be as noisy.';
comment on column allot.scoreboard.n is 'Rows that were weighted.';
comment on column allot.scoreboard.evaluated_at is 'When (UTC).';
