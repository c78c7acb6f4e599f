-- Sums of declared metrics per batch, as arm_statistics holds those of the reward: named by the
-- hash of their content, superseded and never incremented. They move no weights, so that they have
-- names of their own: a restated value restates no weights.

create table allot.metric_batch (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    lake_version bigint not null check (lake_version >= 0),
    first_observed_at timestamptz not null,
    observed_at timestamptz not null,
    superseded_at timestamptz,
    primary key (experiment, batch_id, statistics_hash),
    check (observed_at >= first_observed_at)
);

create unique index metric_batch_current
on allot.metric_batch (experiment, batch_id) where superseded_at is null;

comment on table allot.metric_batch is
'Which sums of metrics were seen for a batch, and which of them count now (superseded_at is null).';
comment on column allot.metric_batch.experiment is 'Slug of the experiment.';
comment on column allot.metric_batch.batch_id is 'Start of the data interval in UTC.';
comment on column allot.metric_batch.statistics_hash is
'SHA-256 of the canonical JSON of the rows in metric_statistics.';
comment on column allot.metric_batch.lake_version is
'Version of the silver table from which the sums were first computed.';
comment on column allot.metric_batch.first_observed_at is
'When these sums were first read from silver.';
comment on column allot.metric_batch.observed_at is 'When silver last gave these sums.';
comment on column allot.metric_batch.superseded_at is
'When other sums took their place; null for the sums that count now.';

create table allot.metric_statistics (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    metric allot.name not null,
    version allot.name not null,
    position smallint not null check (position >= 0),
    arm smallint not null check (arm >= 0),
    cohort text not null default '*'
    check (cohort = '*' or cohort ~ '^[a-z0-9][a-z0-9_=,.-]{0,126}$'),
    n bigint not null check (n > 0),
    capped double precision not null check (capped between 0 and n),
    sum_abs double precision not null check (sum_abs >= 0),
    sum_y double precision not null,
    sum_y2 double precision not null check (sum_y2 >= 0),
    sum_x double precision not null,
    sum_x2 double precision not null check (sum_x2 >= 0),
    sum_xy double precision not null,
    sum_ip double precision not null check (sum_ip >= n),
    sum_y_ip double precision not null,
    sum_x_ip double precision not null,
    sum_ip2 double precision not null check (sum_ip2 >= n),
    sum_y_ip2 double precision not null,
    sum_y2_ip2 double precision not null check (sum_y2_ip2 >= 0),
    sum_x_ip2 double precision not null,
    sum_x2_ip2 double precision not null check (sum_x2_ip2 >= 0),
    sum_xy_ip2 double precision not null,
    primary key (experiment, batch_id, statistics_hash, metric, version, position, arm, cohort),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.metric_batch (experiment, batch_id, statistics_hash),
    constraint finite check (
        greatest(
            sum_abs, sum_y2, sum_x2, abs(sum_xy), sum_ip2, sum_y2_ip2, sum_x2_ip2,
            abs(sum_xy_ip2), abs(sum_y_ip2), abs(sum_x_ip2)
        ) < 'infinity'::double precision
    )
);

create trigger immutable before update or delete on allot.metric_statistics
for each row execute function allot.refuse_change();

comment on table allot.metric_statistics is
'Sums of one batch per metric, weights version, arm, position and cohort; immutable.';
comment on column allot.metric_statistics.metric is 'Name of the declared metric.';
comment on column allot.metric_statistics.version is 'Weights version that decided (v12).';
comment on column allot.metric_statistics.position is 'Slot in the slate, from 0.';
comment on column allot.metric_statistics.arm is
'Index of the arm in the experiment''s list, from 0.';
comment on column allot.metric_statistics.cohort is
'Declared context cell; * where none is declared.';
comment on column allot.metric_statistics.n is
'Observations: units within batch and version that were drawn in it.';
comment on column allot.metric_statistics.capped is 'How many of them the cap changed.';
comment on column allot.metric_statistics.sum_abs is 'Σ |y|.';
comment on column allot.metric_statistics.sum_y is
'Σ y, y the metric''s value of an observation, capped; of a ratio its numerator.';
comment on column allot.metric_statistics.sum_y2 is 'Σ y².';
comment on column allot.metric_statistics.sum_x is
'Σ x, x the covariate, or the denominator of a ratio; 0 where there is neither.';
comment on column allot.metric_statistics.sum_x2 is 'Σ x².';
comment on column allot.metric_statistics.sum_xy is 'Σ x y.';
comment on column allot.metric_statistics.sum_ip is 'Σ 1/p, p the logged propensity.';
comment on column allot.metric_statistics.sum_y_ip is 'Σ y/p.';
comment on column allot.metric_statistics.sum_x_ip is 'Σ x/p.';
comment on column allot.metric_statistics.sum_ip2 is 'Σ 1/p².';
comment on column allot.metric_statistics.sum_y_ip2 is 'Σ y/p².';
comment on column allot.metric_statistics.sum_y2_ip2 is 'Σ y²/p².';
comment on column allot.metric_statistics.sum_x_ip2 is 'Σ x/p².';
comment on column allot.metric_statistics.sum_x2_ip2 is 'Σ x²/p².';
comment on column allot.metric_statistics.sum_xy_ip2 is 'Σ x y/p².';
