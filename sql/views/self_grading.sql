-- The estimators graded, newest evaluation of every experiment.
create view allot.self_grading as
select
    g.experiment::text as experiment,
    g.batch_id::text as batch_id,
    g.log,
    g.evaluation_policy,
    g.estimator,
    g.interval_method,
    g.estimate,
    g.lo,
    g.hi,
    g.on_policy_mean,
    g.on_policy_lo,
    g.on_policy_hi,
    g.error,
    g.error / nullif(g.on_policy_mean, 0) as relative_error,
    g.covered,
    g.level
from allot.self_grade as g
inner join allot.newest_evaluation as l
    on
        g.experiment = l.experiment
        and g.batch_id = l.batch_id
        and g.statistics_hash = l.statistics_hash;

comment on view allot.self_grading is
'Estimates of a policy from another log, beside its own logged mean: how far to trust them.';
comment on column allot.self_grading.experiment is 'Slug of the experiment.';
comment on column allot.self_grading.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.self_grading.log is 'Log that the estimate is made from.';
comment on column allot.self_grading.evaluation_policy is
'Policy that is estimated, and has a log of its own.';
comment on column allot.self_grading.estimator is 'Estimator that is graded.';
comment on column allot.self_grading.interval_method is 'How its interval was made.';
comment on column allot.self_grading.estimate is 'Estimated reward per decision.';
comment on column allot.self_grading.lo is 'Lower end of its interval.';
comment on column allot.self_grading.hi is 'Upper end of its interval.';
comment on column allot.self_grading.on_policy_mean is
'Mean reward in the judged policy''s own log.';
comment on column allot.self_grading.on_policy_lo is 'Lower end of that mean''s interval.';
comment on column allot.self_grading.on_policy_hi is 'Upper end of that mean''s interval.';
comment on column allot.self_grading.error is 'estimate − on_policy_mean.';
comment on column allot.self_grading.relative_error is
'error / on_policy_mean; null where that is 0.';
comment on column allot.self_grading.covered is
'Whether the interval holds the on-policy mean.';
comment on column allot.self_grading.level is 'Nominal coverage of both intervals.';
