-- What an experiment was told to do, and why. Rows are history: the first of a judgement stands.

create table allot.recommendation (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    judgement_hash allot.hash not null,
    kind text not null check (
        kind in ('keep_running', 'ship', 'stop_harm', 'stop_futility', 'stop_duration')
    ),
    arm allot.name,
    summary text not null,
    checks jsonb not null check (jsonb_typeof(checks) = 'array'),
    arms jsonb not null check (jsonb_typeof(arms) = 'array'),
    rules jsonb not null,
    days double precision not null check (days > 0),
    maximum_days double precision not null check (maximum_days > 0),
    code_revision text not null,
    dag_run text not null,
    recommended_at timestamptz not null default clock_timestamp(),
    primary key (experiment, batch_id, judgement_hash),
    constraint shipping_names_an_arm check ((kind = 'ship') = (arm is not null))
);

create index recommendation_newest on allot.recommendation (experiment, recommended_at desc);

create trigger immutable before update or delete on allot.recommendation
for each row execute function allot.refuse_change();

comment on table allot.recommendation is
'What to do with an experiment, once per judgement, with every condition that was checked.';
comment on column allot.recommendation.experiment is 'Slug of the experiment.';
comment on column allot.recommendation.batch_id is 'Newest closed batch of the judgement.';
comment on column allot.recommendation.judgement_hash is
'Names the judgement: its statistics_hash.';
comment on column allot.recommendation.kind is
'keep_running, ship, stop_harm, stop_futility or stop_duration.';
comment on column allot.recommendation.arm is 'The arm to ship.';
comment on column allot.recommendation.summary is 'The recommendation in a sentence.';
comment on column allot.recommendation.checks is
'Conditions: rule, name, arm, position, value, threshold, state (met, not met, unknown), words.';
comment on column allot.recommendation.arms is
'The evidence per position and arm, as it was read.';
comment on column allot.recommendation.rules is 'The verdict section in force.';
comment on column allot.recommendation.days is 'Days of closed batches.';
comment on column allot.recommendation.maximum_days is
'Longest duration that held: declared, planned, or 28.';
comment on column allot.recommendation.code_revision is 'Revision of the code that computed it.';
comment on column allot.recommendation.dag_run is 'Airflow run that wrote it.';
comment on column allot.recommendation.recommended_at is 'When (UTC).';
