-- Exposures: that a decision was shown. Where they are declared, only what was shown counts.

create table allot.exposure (
    experiment allot.name not null,
    decision_id uuid not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    received_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, decision_id, occurred_at)
);

create index exposure_by_experiment_receipt on allot.exposure (experiment, received_xid);
create index exposure_by_age on allot.exposure (experiment, received_at);

create trigger immutable before update on allot.exposure
for each row execute function allot.refuse_change();

comment on table allot.exposure is
'Every acknowledged exposure; a decision is exposed once, however often that is told. The view '
'exposure_outcome says what became of each.';
comment on column allot.exposure.experiment is 'Slug of the experiment.';
comment on column allot.exposure.decision_id is 'The decision that was shown.';
comment on column allot.exposure.occurred_at is
'When it was shown, as the client says; else when it arrived.';
comment on column allot.exposure.received_at is
'When this row was written; hours later where it waited in a spool.';
comment on column allot.exposure.received_xid is
'Transaction that wrote it: exported once all older ones have ended.';

alter table allot.log_object drop constraint log_object_kind_check;
alter table allot.log_object add constraint log_object_kind_check
check (kind in ('decision', 'reward', 'exposure'));

comment on column allot.log_object.kind is 'decision, reward or exposure.';

alter table allot.log_arm add column exposed bigint;
alter table allot.log_arm add column unexposed_rewards bigint;
alter table allot.log_arm add constraint exposed_of_decisions check (
    exposed between 0 and decisions and unexposed_rewards between 0 and decisions - exposed
);

comment on column allot.log_arm.exposed is
'Of these, shown within the declared window; null where exposure is not declared.';
comment on column allot.log_arm.unexposed_rewards is
'Of those that were not shown, how many were rewarded; null likewise.';

alter table allot.retention add column exposures bigint not null default 0
check (exposures >= 0);

comment on column allot.retention.exposures is 'Exposures that were removed.';
