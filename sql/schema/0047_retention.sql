-- Retention: which part of the log was removed once the lake had it and an audit had passed it.

create table allot.retention (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    received_before timestamptz not null,
    before_xid xid8 not null,
    decisions bigint not null check (decisions >= 0),
    rewards bigint not null check (rewards >= 0),
    superseded bigint not null check (superseded >= 0),
    dag_run text not null,
    removed_at timestamptz not null default clock_timestamp(),
    primary key (experiment, number)
);

create trigger immutable before update or delete on allot.retention
for each row execute function allot.refuse_change();

comment on table allot.retention is
'What was removed from the decision and reward log; bronze and silver keep it.';
comment on column allot.retention.number is 'Counts from 1 per experiment.';
comment on column allot.retention.received_before is 'Only records written before were removed.';
comment on column allot.retention.before_xid is
'Only records of earlier transactions: in silver, and passed by an audit.';
comment on column allot.retention.decisions is 'Decisions removed.';
comment on column allot.retention.rewards is 'Rewards removed.';
comment on column allot.retention.superseded is 'Other answers and rewards removed.';
comment on column allot.retention.dag_run is 'Airflow''s run.';
comment on column allot.retention.removed_at is 'When.';

create index decision_by_age on allot.decision (experiment, received_at);
create index reward_by_age on allot.reward (experiment, received_at);
