-- What if a policy had learned here? Newest evaluation of every experiment.
create view allot.learning_curve as
select
    c.experiment::text as experiment,
    c.batch_id::text as batch_id,
    c.log,
    c.policy,
    c.up_to_batch::text as up_to_batch,
    c.rows_read,
    c.rows_kept,
    c.clicks,
    c.mean_reward,
    c.lo,
    c.hi,
    c.level
from allot.learning_point as c
inner join allot.newest_evaluation as l
    on
        c.experiment = l.experiment
        and c.batch_id = l.batch_id
        and c.statistics_hash = l.statistics_hash;

comment on view allot.learning_curve is
'What if this policy had learned here? Rejection replay; another question than policy_values.';
comment on column allot.learning_curve.experiment is 'Slug of the experiment.';
comment on column allot.learning_curve.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.learning_curve.log is 'The uniform log that was replayed.';
comment on column allot.learning_curve.policy is 'Policy that learns from the rows it kept.';
comment on column allot.learning_curve.up_to_batch is
'Newest batch replayed up to this point.';
comment on column allot.learning_curve.rows_read is 'Rows offered.';
comment on column allot.learning_curve.rows_kept is
'Rows kept: about one in as many as there are arms.';
comment on column allot.learning_curve.clicks is 'Rewards on the kept rows.';
comment on column allot.learning_curve.mean_reward is
'Clicks / rows kept; null where none was kept.';
comment on column allot.learning_curve.lo is 'Lower end of its interval.';
comment on column allot.learning_curve.hi is 'Upper end of its interval.';
comment on column allot.learning_curve.level is 'Nominal coverage of the interval.';
