-- The way of the decision log into the lake: what was exported, what silver holds of it, and the
-- keys behind the pseudonyms that stand there in place of unit ids.

create table allot.unit_key (
    unit text primary key,
    key bytea not null default uuid_send(gen_random_uuid()) check (octet_length(key) = 16),
    created_at timestamptz not null default clock_timestamp()
);

comment on table allot.unit_key is
'A random key per unit; its pseudonym in the lake is a hash under it. Without its row, nothing '
'leads from the lake back to the unit.';
comment on column allot.unit_key.unit is 'Unit id as clients gave it; it never enters the lake.';
comment on column allot.unit_key.key is 'Sixteen random bytes.';
comment on column allot.unit_key.created_at is 'When the unit was first exported.';

create table allot.log_export (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    from_xid xid8 not null,
    to_xid xid8 not null check (to_xid > from_xid),
    planned_at timestamptz not null default clock_timestamp(),
    done_at timestamptz,
    primary key (experiment, number),
    constraint one_export_per_start unique (experiment, from_xid)
);

comment on table allot.log_export is
'Ranges of transactions whose decisions and rewards were brought to bronze together. Each begins '
'where the one before ended, so that every record is in exactly one.';
comment on column allot.log_export.number is 'Counts from 1 per experiment.';
comment on column allot.log_export.from_xid is 'First transaction of the range.';
comment on column allot.log_export.to_xid is
'The transaction after the last: all before it had ended when the range was planned.';
comment on column allot.log_export.planned_at is 'When the range was fixed.';
comment on column allot.log_export.done_at is
'When its objects stood in bronze; null while they may be missing.';

create table allot.log_object (
    experiment allot.name not null,
    number integer not null,
    kind text not null check (kind in ('decision', 'reward')),
    sha256 allot.hash not null,
    rows bigint not null check (rows > 0),
    first_at timestamptz not null,
    last_at timestamptz not null check (last_at >= first_at),
    primary key (experiment, number, kind),
    foreign key (experiment, number) references allot.log_export (experiment, number),
    foreign key (experiment, kind, sha256)
    references allot.bronze_object (source, behavior_policy, sha256)
);

create index log_object_by_time on allot.log_object (experiment, kind, last_at);

create trigger immutable before update or delete on allot.log_object
for each row execute function allot.refuse_change();

comment on table allot.log_object is 'The bronze objects of every export.';
comment on column allot.log_object.number is 'The export that brought it.';
comment on column allot.log_object.kind is 'decision or reward.';
comment on column allot.log_object.sha256 is 'Of its bytes; names it in bronze.';
comment on column allot.log_object.rows is 'Records in it.';
comment on column allot.log_object.first_at is 'Oldest decided_at, or occurred_at of a reward.';
comment on column allot.log_object.last_at is 'Newest of them.';

create table allot.log_progress (
    experiment allot.name primary key references allot.experiment (slug),
    number integer not null check (number >= 0),
    covered_until timestamptz not null
);

comment on table allot.log_progress is 'How far silver has followed the decision log.';
comment on column allot.log_progress.number is 'Newest export that is in silver; 0 before any.';
comment on column allot.log_progress.covered_until is
'All that had been written by then is in silver or quarantine: a batch whose window closed '
'before it is complete.';

create table allot.log_batch (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    content_hash allot.hash not null,
    lake_version bigint not null check (lake_version >= 0),
    number integer not null check (number >= 1),
    decisions bigint not null check (decisions > 0),
    rows_in bigint not null check (rows_in >= decisions),
    rows_silver bigint not null check (rows_silver >= 0),
    rows_flagged bigint not null check (rows_flagged between 0 and rows_silver),
    rows_quarantined bigint not null check (rows_quarantined >= 0),
    rewards_joined bigint not null check (rewards_joined >= 0),
    versions integer[] not null,
    docs_key text not null,
    checked_at timestamptz not null,
    primary key (experiment, batch_id),
    constraint rows_add_up check (rows_in = rows_silver + rows_quarantined)
);

comment on table allot.log_batch is
'What silver holds of every batch of the decision log, and what its last validation refused.';
comment on column allot.log_batch.content_hash is
'SHA-256 over the sorted rows in silver, whatever files hold them.';
comment on column allot.log_batch.lake_version is 'A version of silver that holds them.';
comment on column allot.log_batch.number is 'Newest export that had been read for it.';
comment on column allot.log_batch.decisions is 'Decisions of the batch in bronze.';
comment on column allot.log_batch.rows_in is 'Their rows: one per decision and position.';
comment on column allot.log_batch.rows_silver is 'Rows in silver.';
comment on column allot.log_batch.rows_flagged is
'Of these, rows where nothing was drawn (forced, paused, …): kept apart, never learned from.';
comment on column allot.log_batch.rows_quarantined is 'Rows that an expectation refused.';
comment on column allot.log_batch.rewards_joined is 'Rewards that found their decision here.';
comment on column allot.log_batch.versions is 'Weights versions that decided in it.';
comment on column allot.log_batch.docs_key is 'Key of the validation report in the docs bucket.';
comment on column allot.log_batch.checked_at is 'When it was validated last.';

create table allot.log_refusal (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    expectation text not null,
    arm smallint not null,
    rows bigint not null check (rows > 0),
    primary key (experiment, batch_id, expectation, arm),
    foreign key (experiment, batch_id) references allot.log_batch (experiment, batch_id)
);

comment on table allot.log_refusal is
'Rows of a batch in quarantine by the first expectation that refused them and by arm: a refusal '
'that depends on the arm is a bias.';
comment on column allot.log_refusal.arm is 'Index of the arm as logged.';

-- Exports read the records of one experiment in the order of their transactions.
create index decision_by_experiment_receipt on allot.decision (experiment, received_xid);
create index reward_by_experiment_receipt on allot.reward (experiment, received_xid);
drop index allot.decision_by_receipt;
drop index allot.reward_by_receipt;
