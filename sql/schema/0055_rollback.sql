-- Rolling back: a version like any other, and a hold that only a person ends.

create table allot.publishing_hold (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    held boolean not null,
    by text not null,
    why text not null,
    through allot.batch_id,
    at timestamptz not null default clock_timestamp(),
    primary key (experiment, number),
    constraint a_release_accepts check (not held or through is null)
);

create trigger immutable before update or delete on allot.publishing_hold
for each row execute function allot.refuse_change();

comment on table allot.publishing_hold is
'Holds and releases of an experiment; the highest number is in force. While held no new version '
'follows but a roll-back.';
comment on column allot.publishing_hold.number is 'Counts from 1 per experiment.';
comment on column allot.publishing_hold.held is 'Whether publishing stops, or goes on.';
comment on column allot.publishing_hold.by is 'Who did it: a person, or the guardrails'' DAG run.';
comment on column allot.publishing_hold.why is 'In the words of whoever did it.';
comment on column allot.publishing_hold.through is
'Of a release: newest batch that is accepted as it is. What guardrails gather over several '
'batches begins anew behind it.';

alter table allot.allocation_event drop constraint allocation_event_reason_check;
alter table allot.allocation_event add constraint allocation_event_reason_check
check (reason in ('created', 'batch', 'restatement', 'revision', 'rollback'));
alter table allot.allocation_event add column restored integer;
alter table allot.allocation_event add constraint restored_earlier check (
    restored is null or (reason = 'rollback' and restored < version)
);
alter table allot.allocation_event add foreign key (experiment, restored)
references allot.weights_snapshot (experiment, version);

comment on column allot.allocation_event.reason is
'created (version 0), batch (one more closed), restatement (an old one changed), revision or '
'rollback.';
comment on column allot.allocation_event.restored is
'Of a rollback: the version whose buckets came back; null for the declared default shares.';
