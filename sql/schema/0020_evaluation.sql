-- What evaluation found. Rows belong to one evaluation (experiment, batch, statistics hash); a
-- repeated evaluation replaces its own rows and no others. Truth is the lake; these are reports.

create table allot.evaluation (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    method text not null,
    weights_version integer check (weights_version >= 0),
    lake_version bigint not null check (lake_version >= 0),
    code_revision text not null,
    dag_run text not null,
    evaluated_at timestamptz not null default now(),
    primary key (experiment, batch_id, statistics_hash)
);

comment on table allot.evaluation is 'One row per evaluation: what was read, and by which code.';
comment on column allot.evaluation.experiment is 'Slug of the experiment.';
comment on column allot.evaluation.batch_id is 'Newest batch that was read.';
comment on column allot.evaluation.statistics_hash is
'Hash over the statistics of every log that was read: equal hash, equal input.';
comment on column allot.evaluation.method is
'Name and version of the evaluation, as evaluation/1.';
comment on column allot.evaluation.weights_version is
'Newest weights version that was judged; null before the first.';
comment on column allot.evaluation.lake_version is 'Version of the silver table that was read.';
comment on column allot.evaluation.code_revision is 'Revision of the code that computed it.';
comment on column allot.evaluation.dag_run is 'Airflow run that computed it last.';
comment on column allot.evaluation.evaluated_at is 'When it was computed last (UTC).';

create table allot.policy_value (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    log text not null,
    evaluation_policy text not null,
    position text not null check (position ~ '^(all|[0-9]+)$'),
    estimator text not null,
    interval_method text not null,
    basis text not null check (basis in ('given', 'other log', 'earlier batches', 'approximation')),
    first_batch allot.batch_id not null,
    last_batch allot.batch_id not null,
    n bigint not null check (n > 0),
    value double precision not null,
    variance double precision check (variance >= 0),
    level double precision not null check (level > 0 and level < 1),
    lo double precision,
    hi double precision,
    hyper_parameters jsonb not null default '{}',
    primary key (
        experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator,
        interval_method
    ),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.evaluation (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi)
);

comment on table allot.policy_value is
'What if this policy had been fixed? Reward per decision, estimated from a log of another policy.';
comment on column allot.policy_value.experiment is 'Slug of the experiment.';
comment on column allot.policy_value.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.policy_value.statistics_hash is 'Names what the evaluation read.';
comment on column allot.policy_value.log is
'Whose log was weighted: behavior policy (random, bts), or decisions for the API''s own log.';
comment on column allot.policy_value.evaluation_policy is
'Who is judged: uniform; weights-vN as published; weights-sequence, each batch by the weights
fitted before it; bts, the logged policy or its approximation.';
comment on column allot.policy_value.position is
'Slot in the slate from 0, or all of them together.';
comment on column allot.policy_value.estimator is 'Off-policy estimator: ips, snips, dm, dr, …';
comment on column allot.policy_value.interval_method is
'How the interval was made: normal, bootstrap, …';
comment on column allot.policy_value.basis is
'Why the estimate is not flattered by its own data: given (fixed beforehand), other log (fitted on
another log), earlier batches (fitted on rows before those judged), approximation (labelled so).';
comment on column allot.policy_value.first_batch is 'Oldest batch whose rows were judged.';
comment on column allot.policy_value.last_batch is 'Newest batch whose rows were judged.';
comment on column allot.policy_value.n is 'Logged rows behind the estimate.';
comment on column allot.policy_value.value is 'Estimated reward per decision.';
comment on column allot.policy_value.variance is 'Estimated variance of the estimate.';
comment on column allot.policy_value.level is 'Nominal coverage of the interval, as 0.95.';
comment on column allot.policy_value.lo is
'Lower end of the interval; null where none can be given.';
comment on column allot.policy_value.hi is
'Upper end of the interval; null where none can be given.';
comment on column allot.policy_value.hyper_parameters is
'Values that the estimator used or chose.';

create table allot.policy_diagnostics (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    log text not null,
    evaluation_policy text not null,
    position text not null check (position ~ '^(all|[0-9]+)$'),
    estimator text not null,
    n bigint not null check (n > 0),
    effective_sample_size double precision not null check (effective_sample_size >= 0),
    effective_rewards double precision check (effective_rewards >= 0),
    largest_weight double precision not null check (largest_weight >= 0),
    mean_weight double precision not null check (mean_weight >= 0),
    mean_weight_error double precision not null check (mean_weight_error >= 0),
    mass_without_support double precision not null check (
        mass_without_support between 0 and 1
    ),
    disagreement double precision check (disagreement >= 0),
    verdict text not null check (verdict in ('usable', 'unknown')),
    reasons text not null,
    primary key (
        experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator
    ),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.evaluation (experiment, batch_id, statistics_hash) on delete cascade
);

comment on table allot.policy_diagnostics is
'Whether the log can carry an estimate; beyond the limits the verdict is unknown.';
comment on column allot.policy_diagnostics.experiment is 'Slug of the experiment.';
comment on column allot.policy_diagnostics.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.policy_diagnostics.statistics_hash is 'Names what the evaluation read.';
comment on column allot.policy_diagnostics.log is 'Whose log was weighted.';
comment on column allot.policy_diagnostics.evaluation_policy is 'Who is judged.';
comment on column allot.policy_diagnostics.position is 'Slot in the slate from 0, or all.';
comment on column allot.policy_diagnostics.estimator is 'Off-policy estimator.';
comment on column allot.policy_diagnostics.n is 'Logged rows.';
comment on column allot.policy_diagnostics.effective_sample_size is
'(Σw)² / Σw²: how many equally weighted rows would be as noisy.';
comment on column allot.policy_diagnostics.effective_rewards is
'(Σwr)² / Σ(wr)²: the same for rewarded rows; null where rewards are not 0 or 1.';
comment on column allot.policy_diagnostics.largest_weight is
'Largest importance weight w; an upper bound where only sums were read.';
comment on column allot.policy_diagnostics.mean_weight is
'Mean of w: about 1 where the logged propensities are right.';
comment on column allot.policy_diagnostics.mean_weight_error is 'Standard error of that mean.';
comment on column allot.policy_diagnostics.mass_without_support is
'Share of the judged policy''s decisions on arms that the log never shows.';
comment on column allot.policy_diagnostics.disagreement is
'Distance to the reference estimator in joint standard errors; null for the reference.';
comment on column allot.policy_diagnostics.verdict is
'usable, or unknown: then the estimate is no finding.';
comment on column allot.policy_diagnostics.reasons is
'Which limits were broken, in words; empty when usable.';

create table allot.regret (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    log text not null,
    policy text not null,
    up_to_batch allot.batch_id not null,
    decisions bigint not null check (decisions > 0),
    per_decision double precision not null,
    cumulative double precision not null,
    cumulative_lo double precision,
    cumulative_hi double precision,
    level double precision not null check (level > 0 and level < 1),
    best_arm smallint not null check (best_arm >= 0),
    candidates integer not null check (candidates > 0),
    primary key (experiment, batch_id, statistics_hash, log, policy, up_to_batch),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.evaluation (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (cumulative_lo <= cumulative_hi)
);

comment on table allot.regret is
'Regret on the log: value difference to the best fixed arm by DR-estimated arm values.';
comment on column allot.regret.experiment is 'Slug of the experiment.';
comment on column allot.regret.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.regret.statistics_hash is 'Names what the evaluation read.';
comment on column allot.regret.log is 'Whose log the arm values were estimated from.';
comment on column allot.regret.policy is
'Whose regret: the logging policy, or published weights.';
comment on column allot.regret.up_to_batch is
'Newest batch counted into this point of the curve.';
comment on column allot.regret.decisions is 'Decisions up to and with that batch.';
comment on column allot.regret.per_decision is 'Cumulative regret / decisions.';
comment on column allot.regret.cumulative is 'Rewards lost against always showing the best arm.';
comment on column allot.regret.cumulative_lo is
'Lower end of an interval that includes not knowing which arm is best.';
comment on column allot.regret.cumulative_hi is
'Upper end of an interval that includes not knowing which arm is best.';
comment on column allot.regret.level is 'Nominal coverage of the interval, as 0.95.';
comment on column allot.regret.best_arm is 'Arm with the highest estimated value, by index.';
comment on column allot.regret.candidates is
'How many arms may be the best, by what the log tells.';

create table allot.learning_point (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    log text not null,
    policy text not null,
    up_to_batch allot.batch_id not null,
    rows_read bigint not null check (rows_read > 0),
    rows_kept bigint not null check (rows_kept between 0 and rows_read),
    clicks double precision not null,
    mean_reward double precision,
    lo double precision,
    hi double precision,
    level double precision not null check (level > 0 and level < 1),
    primary key (experiment, batch_id, statistics_hash, log, policy, up_to_batch),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.evaluation (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi)
);

comment on table allot.learning_point is
'What if this policy had learned here? Rejection replay keeps the rows that it would have chosen.';
comment on column allot.learning_point.experiment is 'Slug of the experiment.';
comment on column allot.learning_point.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.learning_point.statistics_hash is 'Names what the evaluation read.';
comment on column allot.learning_point.log is
'The log that was replayed; only a uniform one is unbiased.';
comment on column allot.learning_point.policy is 'Policy that learns from the rows it kept.';
comment on column allot.learning_point.up_to_batch is 'Newest batch replayed up to this point.';
comment on column allot.learning_point.rows_read is 'Rows offered up to this point.';
comment on column allot.learning_point.rows_kept is
'Rows kept: about one in as many as there are arms.';
comment on column allot.learning_point.clicks is 'Rewards on the kept rows.';
comment on column allot.learning_point.mean_reward is
'Clicks / rows kept; null where none was kept.';
comment on column allot.learning_point.lo is 'Lower end of the interval of the mean reward.';
comment on column allot.learning_point.hi is 'Upper end of the interval of the mean reward.';
comment on column allot.learning_point.level is 'Nominal coverage of the interval, as 0.95.';

create table allot.self_grade (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    log text not null,
    evaluation_policy text not null,
    estimator text not null,
    interval_method text not null,
    estimate double precision not null,
    lo double precision,
    hi double precision,
    on_policy_mean double precision not null,
    on_policy_lo double precision not null,
    on_policy_hi double precision not null,
    level double precision not null check (level > 0 and level < 1),
    error double precision not null generated always as (estimate - on_policy_mean) stored,
    covered boolean generated always as (on_policy_mean between lo and hi) stored,
    primary key (
        experiment, batch_id, statistics_hash, log, evaluation_policy, estimator, interval_method
    ),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.evaluation (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi and on_policy_lo <= on_policy_hi)
);

comment on table allot.self_grade is
'The estimators graded: a policy''s value estimated from another log, beside its own logged mean.';
comment on column allot.self_grade.experiment is 'Slug of the experiment.';
comment on column allot.self_grade.batch_id is 'Newest batch that the evaluation read.';
comment on column allot.self_grade.statistics_hash is 'Names what the evaluation read.';
comment on column allot.self_grade.log is 'Log that the estimate is made from.';
comment on column allot.self_grade.evaluation_policy is
'Policy that is estimated, and which has a log of its own.';
comment on column allot.self_grade.estimator is 'Off-policy estimator that is graded.';
comment on column allot.self_grade.interval_method is 'How its interval was made.';
comment on column allot.self_grade.estimate is 'Estimated reward per decision.';
comment on column allot.self_grade.lo is 'Lower end of the estimate''s interval.';
comment on column allot.self_grade.hi is 'Upper end of the estimate''s interval.';
comment on column allot.self_grade.on_policy_mean is
'Mean reward in the judged policy''s own log.';
comment on column allot.self_grade.on_policy_lo is 'Lower end of that mean''s interval.';
comment on column allot.self_grade.on_policy_hi is 'Upper end of that mean''s interval.';
comment on column allot.self_grade.level is 'Nominal coverage of both intervals, as 0.95.';
comment on column allot.self_grade.error is 'estimate − on_policy_mean.';
comment on column allot.self_grade.covered is
'Whether the estimate''s interval holds the on-policy mean; null without an interval.';

create table allot.tracking_run (
    experiment text not null,
    batch_id text not null,
    statistics_hash allot.hash not null,
    kind text not null,
    run_id text not null,
    url text not null,
    logged_at timestamptz not null default now(),
    primary key (experiment, batch_id, statistics_hash, kind)
);

comment on table allot.tracking_run is
'Where MLflow shows a report. A pointer for people: nothing is read back from there.';
comment on column allot.tracking_run.experiment is
'Slug of the experiment, or name of a simulation.';
comment on column allot.tracking_run.batch_id is 'Newest batch that the run knows.';
comment on column allot.tracking_run.statistics_hash is 'Names what the run was computed from.';
comment on column allot.tracking_run.kind is 'Which report: evaluation, simulation, …';
comment on column allot.tracking_run.run_id is 'Id of the MLflow run.';
comment on column allot.tracking_run.url is 'Page of the run, as a browser reaches it.';
comment on column allot.tracking_run.logged_at is 'When the run was found or made last (UTC).';
