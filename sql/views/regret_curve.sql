-- Regret on the log, newest evaluation of every experiment.
create view allot.regret_curve as
select
    r.experiment::text as experiment,
    r.batch_id::text as batch_id,
    r.log,
    r.policy,
    r.up_to_batch::text as up_to_batch,
    r.decisions,
    r.cumulative,
    r.cumulative_lo,
    r.cumulative_hi,
    r.per_decision,
    r.level,
    r.best_arm,
    d.document -> 'arms' ->> r.best_arm as best_arm_id,
    r.candidates
from allot.regret as r
inner join allot.newest_evaluation as l
    on
        r.experiment = l.experiment
        and r.batch_id = l.batch_id
        and r.statistics_hash = l.statistics_hash
left join lateral (
    select er.document
    from allot.experiment_revision as er
    where er.experiment = r.experiment
    order by er.revision desc
    limit 1
) as d on true;

comment on view allot.regret_curve is
'Regret against the best fixed arm, from DR-estimated arm values; never against an observed mean.';
comment on column allot.regret_curve.experiment is 'Slug of the experiment.';
comment on column allot.regret_curve.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.regret_curve.log is 'Whose log the arm values were estimated from.';
comment on column allot.regret_curve.policy is 'Whose regret.';
comment on column allot.regret_curve.up_to_batch is 'Newest batch counted into this point.';
comment on column allot.regret_curve.decisions is 'Decisions up to and with that batch.';
comment on column allot.regret_curve.cumulative is
'Rewards lost against always showing the best arm.';
comment on column allot.regret_curve.cumulative_lo is
'Lower end; the interval includes not knowing the best arm.';
comment on column allot.regret_curve.cumulative_hi is
'Upper end; the interval includes not knowing the best arm.';
comment on column allot.regret_curve.per_decision is 'Cumulative regret / decisions.';
comment on column allot.regret_curve.level is 'Nominal coverage of the interval.';
comment on column allot.regret_curve.best_arm is
'Arm with the highest estimated value, by index.';
comment on column allot.regret_curve.best_arm_id is 'Its name.';
comment on column allot.regret_curve.candidates is
'How many arms may be the best, by what the log tells.';
