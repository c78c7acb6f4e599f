-- The decision and reward log of the API: what was acknowledged, append-only. No foreign keys:
-- the log takes every record that a client was told is safe; audits judge it afterwards.

create table allot.decision (
    experiment allot.name not null,
    decision_id uuid not null,
    request_id text,
    unit text,
    cell text not null,
    version integer not null check (version >= 0),
    content_hash allot.hash not null,
    strategy text not null,
    arms smallint[] not null,
    arm_ids text[] not null,
    shares smallint[] not null,
    buckets smallint[] not null,
    flag text check (flag in ('forced', 'paused', 'stopped')),
    decided_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    received_xid xid8 not null default pg_current_xact_id(),
    arm smallint not null generated always as (arms[1]) stored,
    propensity double precision not null
    generated always as (shares[1] / 10000.0::double precision) stored,
    primary key (experiment, decision_id),
    constraint slots_agree check (
        cardinality(arms) between 1 and 100
        and cardinality(arms) = cardinality(arm_ids)
        and cardinality(arms) = cardinality(shares)
        and cardinality(arms) = cardinality(buckets)
        and 0 < all(shares)
    )
);

create unique index one_answer_per_request on allot.decision (experiment, request_id)
where request_id is not null;
create index decision_by_unit on allot.decision (experiment, unit, decided_at)
where unit is not null;
create index decision_by_receipt on allot.decision (received_xid);

create trigger immutable before update on allot.decision
for each row execute function allot.refuse_change();

comment on table allot.decision is
'Every acknowledged decision, with all that is needed to recompute it; the first of its id.';
comment on column allot.decision.experiment is 'Slug of the experiment.';
comment on column allot.decision.decision_id is
'UUIDv7 by time, or a UUIDv8 derived from experiment and request_id.';
comment on column allot.decision.request_id is
'The caller''s name for the request (a batch appends /0, /1, …); null where it gave none.';
comment on column allot.decision.unit is
'Who was assigned; null where the decision itself is the unit.';
comment on column allot.decision.cell is 'Context cell; * where all contexts share one.';
comment on column allot.decision.version is 'Weights version that decided.';
comment on column allot.decision.content_hash is 'Name of the weights snapshot that decided.';
comment on column allot.decision.strategy is 'Policy that made those weights.';
comment on column allot.decision.arms is 'Index of the arm per position.';
comment on column allot.decision.arm_ids is 'Name of the arm per position.';
comment on column allot.decision.shares is
'Buckets of 10,000 that the arm holds, per position; 10,000 where nothing was drawn.';
comment on column allot.decision.buckets is
'Bucket into which the unit fell, per position; −1 where nothing was drawn.';
comment on column allot.decision.flag is
'Why nothing was drawn (forced, paused, stopped): never learned from. Null: drawn.';
comment on column allot.decision.decided_at is 'When it was decided, by the API''s clock (UTC).';
comment on column allot.decision.received_at is
'When this row was written; hours later where it waited in a spool.';
comment on column allot.decision.received_xid is
'Transaction that wrote it: exported once all older ones have ended.';
comment on column allot.decision.arm is 'Index of the first position''s arm.';
comment on column allot.decision.propensity is
'Exact probability of the first position''s arm.';

create table allot.decision_superseded (
    experiment allot.name not null,
    decision_id uuid not null,
    record_hash allot.hash not null,
    record text not null,
    received_at timestamptz not null default clock_timestamp(),
    received_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, decision_id, record_hash),
    constraint hash_names_record
    check (record_hash = encode(sha256(convert_to(record, 'UTF8')), 'hex'))
);

create trigger immutable before update on allot.decision_superseded
for each row execute function allot.refuse_change();

comment on table allot.decision_superseded is
'Second answers to a repeated request, given while the database was away; the first stands.';
comment on column allot.decision_superseded.experiment is 'Slug of the experiment.';
comment on column allot.decision_superseded.decision_id is 'Id of the decision that stands.';
comment on column allot.decision_superseded.record_hash is 'SHA-256 of the record.';
comment on column allot.decision_superseded.record is 'The other answer''s record, as JSON.';
comment on column allot.decision_superseded.received_at is 'When this row was written.';
comment on column allot.decision_superseded.received_xid is 'Transaction that wrote it.';

create table allot.reward (
    experiment allot.name not null,
    reward_id text not null,
    decision_id uuid,
    unit text,
    arm_id allot.name,
    value double precision not null
    check (abs(value) < 'infinity'::double precision),
    occurred_at timestamptz not null,
    received_at timestamptz not null default clock_timestamp(),
    received_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, reward_id),
    constraint addressed_once check (num_nonnulls(decision_id, unit, arm_id) = 1)
);

create index reward_by_decision on allot.reward (experiment, decision_id)
where decision_id is not null;
create index reward_by_unit on allot.reward (experiment, unit) where unit is not null;
create index reward_by_receipt on allot.reward (received_xid);

create trigger immutable before update on allot.reward
for each row execute function allot.refuse_change();

comment on table allot.reward is
'Every acknowledged reward, the first of its id; the view reward_outcome says what became of it.';
comment on column allot.reward.experiment is 'Slug of the experiment.';
comment on column allot.reward.reward_id is
'The caller''s name for it; derived from the decision, or from unit and time, where it gave none.';
comment on column allot.reward.decision_id is 'The decision that it rewards, if so addressed.';
comment on column allot.reward.unit is
'The unit whose last decision before occurred_at it rewards, if so addressed.';
comment on column allot.reward.arm_id is
'The arm to whose total it adds, if the client knows no more; never part of a verdict.';
comment on column allot.reward.value is 'The reward.';
comment on column allot.reward.occurred_at is
'When it occurred, as the client says; else when it arrived.';
comment on column allot.reward.received_at is
'When this row was written; hours later where it waited in a spool.';
comment on column allot.reward.received_xid is
'Transaction that wrote it: exported once all older ones have ended.';

create table allot.reward_superseded (
    experiment allot.name not null,
    reward_id text not null,
    record_hash allot.hash not null,
    record text not null,
    received_at timestamptz not null default clock_timestamp(),
    received_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, reward_id, record_hash),
    constraint hash_names_record
    check (record_hash = encode(sha256(convert_to(record, 'UTF8')), 'hex'))
);

create trigger immutable before update on allot.reward_superseded
for each row execute function allot.refuse_change();

comment on table allot.reward_superseded is
'Rewards that came under the id of an earlier one with other content; the first stands.';
comment on column allot.reward_superseded.experiment is 'Slug of the experiment.';
comment on column allot.reward_superseded.reward_id is 'Id of the reward that stands.';
comment on column allot.reward_superseded.record_hash is 'SHA-256 of the record.';
comment on column allot.reward_superseded.record is 'The other reward''s record, as JSON.';
comment on column allot.reward_superseded.received_at is 'When this row was written.';
comment on column allot.reward_superseded.received_xid is 'Transaction that wrote it.';
