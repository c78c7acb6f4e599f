-- Sums per batch: Allot's whole state. Rows are named by the hash of their content; a restatement
-- adds rows under a new hash and moves the mark of what is current. Nothing is incremented.

create table allot.batch_statistics (
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

create unique index batch_statistics_current
on allot.batch_statistics (experiment, batch_id) where superseded_at is null;

comment on table allot.batch_statistics is
'Which sums were seen for a batch, and which of them count now (superseded_at is null).';
comment on column allot.batch_statistics.batch_id is
'Start of the data interval in UTC: a day (2019-11-24) or an instant (2019-11-24T10:00Z).';
comment on column allot.batch_statistics.statistics_hash is
'SHA-256 of the canonical JSON of the rows in arm_statistics.';
comment on column allot.batch_statistics.lake_version is
'Version of the silver table from which the sums were first computed.';
comment on column allot.batch_statistics.first_observed_at is
'When these sums were first read from silver.';
comment on column allot.batch_statistics.observed_at is
'When silver last gave these sums. A batch is closed once this lies past its reward window.';
comment on column allot.batch_statistics.superseded_at is
'When other sums took their place; null for the sums that count now.';

create table allot.arm_statistics (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    version allot.name not null,
    arm smallint not null check (arm >= 0),
    position smallint not null check (position >= 0),
    cohort text not null default '*'
    check (cohort = '*' or cohort ~ '^[a-z0-9][a-z0-9_=,.-]{0,126}$'),
    n bigint not null check (n > 0),
    sum_r double precision not null,
    sum_r2 double precision not null check (sum_r2 >= 0),
    sum_ip double precision not null check (sum_ip >= n),
    sum_ip2 double precision not null check (sum_ip2 >= n),
    sum_r_ip double precision not null,
    sum_r_ip2 double precision not null,
    sum_r2_ip2 double precision not null check (sum_r2_ip2 >= 0),
    primary key (experiment, batch_id, statistics_hash, version, position, arm, cohort),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.batch_statistics (experiment, batch_id, statistics_hash),
    constraint finite check (
        greatest(
            abs(sum_r), sum_r2, sum_ip, sum_ip2, abs(sum_r_ip), abs(sum_r_ip2), sum_r2_ip2
        ) < 'infinity'::double precision
    )
);

create trigger immutable before update or delete on allot.arm_statistics
for each row execute function allot.refuse_change();

comment on table allot.arm_statistics is
'Sums of one batch per weights version (or behavior policy), arm, position and cohort; immutable.';
comment on column allot.arm_statistics.version is
'Weights version that decided (v12), or the behavior policy of a foreign log (random).';
comment on column allot.arm_statistics.arm is
'Index of the arm in the experiment''s list, from 0.';
comment on column allot.arm_statistics.position is 'Slot in the slate, from 0.';
comment on column allot.arm_statistics.cohort is
'Declared context cell; * where none is declared.';
comment on column allot.arm_statistics.n is
'Observations: a unit within batch and version, or a row where the log has no unit.';
comment on column allot.arm_statistics.sum_r is 'Σ r, r the reward.';
comment on column allot.arm_statistics.sum_r2 is 'Σ r².';
comment on column allot.arm_statistics.sum_ip is 'Σ 1/p, p the logged propensity.';
comment on column allot.arm_statistics.sum_ip2 is 'Σ 1/p².';
comment on column allot.arm_statistics.sum_r_ip is 'Σ r/p.';
comment on column allot.arm_statistics.sum_r_ip2 is 'Σ r/p².';
comment on column allot.arm_statistics.sum_r2_ip2 is 'Σ r²/p².';
