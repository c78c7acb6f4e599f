-- What if a policy had been fixed? Newest evaluation of every experiment.
create view allot.policy_values as
select
    v.experiment::text as experiment,
    v.batch_id::text as batch_id,
    v.log,
    v.evaluation_policy,
    v.position,
    v.estimator,
    v.value,
    v.lo,
    v.hi,
    v.level,
    v.interval_method,
    d.verdict,
    d.reasons,
    d.effective_sample_size,
    d.effective_rewards,
    d.largest_weight,
    d.mean_weight,
    d.mass_without_support,
    d.disagreement,
    v.basis,
    v.first_batch::text as first_batch,
    v.last_batch::text as last_batch,
    v.n,
    v.hyper_parameters,
    l.weights_version,
    t.url as tracking_url
from allot.policy_value as v
inner join allot.newest_evaluation as l
    on
        v.experiment = l.experiment
        and v.batch_id = l.batch_id
        and v.statistics_hash = l.statistics_hash
inner join allot.policy_diagnostics as d
    on
        v.experiment = d.experiment
        and v.batch_id = d.batch_id
        and v.statistics_hash = d.statistics_hash
        and v.log = d.log
        and v.evaluation_policy = d.evaluation_policy
        and v.position = d.position
        and v.estimator = d.estimator
left join allot.tracking_run as t
    on
        v.experiment = t.experiment
        and v.batch_id = t.batch_id
        and v.statistics_hash = t.statistics_hash
        and t.kind = 'evaluation';

comment on view allot.policy_values is
'What if this policy had been fixed? Estimates and diagnostics of the newest evaluation.';
comment on column allot.policy_values.experiment is 'Slug of the experiment.';
comment on column allot.policy_values.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.policy_values.log is
'Whose log was weighted: random, bts, or decisions.';
comment on column allot.policy_values.evaluation_policy is
'Who is judged: uniform, weights-vN, weights-sequence, bts, bts-approximation.';
comment on column allot.policy_values.position is 'Slot in the slate from 0, or all.';
comment on column allot.policy_values.estimator is 'Off-policy estimator.';
comment on column allot.policy_values.value is 'Estimated reward per decision.';
comment on column allot.policy_values.lo is 'Lower end of the interval.';
comment on column allot.policy_values.hi is 'Upper end of the interval.';
comment on column allot.policy_values.level is
'Nominal coverage of the interval, at one look.';
comment on column allot.policy_values.interval_method is 'How the interval was made.';
comment on column allot.policy_values.verdict is
'usable, or unknown: then the estimate is no finding.';
comment on column allot.policy_values.reasons is 'Which limits were broken, in words.';
comment on column allot.policy_values.effective_sample_size is
'(Σw)² / Σw²: how many equally weighted rows would be as noisy.';
comment on column allot.policy_values.effective_rewards is
'The same for rewarded rows; null where rewards are not 0 or 1.';
comment on column allot.policy_values.largest_weight is 'Largest importance weight.';
comment on column allot.policy_values.mean_weight is
'Mean importance weight: about 1 where propensities are right.';
comment on column allot.policy_values.mass_without_support is
'Share of the judged policy on arms that the log never shows.';
comment on column allot.policy_values.disagreement is
'Distance to the reference estimator in joint standard errors.';
comment on column allot.policy_values.basis is
'Why the estimate is not flattered by its own data.';
comment on column allot.policy_values.first_batch is 'Oldest batch whose rows were judged.';
comment on column allot.policy_values.last_batch is 'Newest batch whose rows were judged.';
comment on column allot.policy_values.n is 'Logged rows behind the estimate.';
comment on column allot.policy_values.hyper_parameters is 'What the estimator used or chose.';
comment on column allot.policy_values.weights_version is
'Newest weights version at that time.';
comment on column allot.policy_values.tracking_url is 'MLflow run of the evaluation.';
