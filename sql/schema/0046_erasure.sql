-- Erasure of a unit: the only change that the log allows, and only together with its record.

create table allot.erasure (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    decisions bigint not null check (decisions >= 0),
    rewards bigint not null check (rewards >= 0),
    superseded bigint not null check (superseded >= 0),
    requested_by text not null,
    reason text not null,
    erased_at timestamptz not null default clock_timestamp(),
    erased_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, number)
);

create trigger immutable before update or delete on allot.erasure
for each row execute function allot.refuse_change();

comment on table allot.erasure is
'Every erasure of a unit from the log; whose it was, nothing here says.';
comment on column allot.erasure.number is 'Counts from 1 per experiment; named by erased rows.';
comment on column allot.erasure.decisions is 'Decisions whose unit and request id were removed.';
comment on column allot.erasure.rewards is 'Rewards whose unit or name was removed.';
comment on column allot.erasure.superseded is 'Other answers and rewards of the unit, deleted.';
comment on column allot.erasure.requested_by is 'Who asked for it, as told; not the unit.';
comment on column allot.erasure.reason is 'Why, as told.';
comment on column allot.erasure.erased_at is 'When.';
comment on column allot.erasure.erased_xid is 'Transaction that erased.';

alter table allot.decision add column erasure integer;
alter table allot.reward add column erasure integer;

comment on column allot.decision.erasure is
'Erasure that removed unit and request id; null: none did. The stored bucket stands in for them.';
comment on column allot.reward.erasure is
'Erasure that removed unit or name, and addressed it by its decision instead; null: none did.';

alter table allot.reward drop constraint addressed_once;
alter table allot.reward add constraint addressed_once check (
    num_nonnulls(decision_id, unit, arm_id) = 1
    or (erasure is not null and num_nonnulls(decision_id, unit, arm_id) = 0)
);

-- Generated columns are not known to a trigger before the row is written.
create function allot.refuse_change_but_erasure() returns trigger language plpgsql as $$
declare
    may_change text[] := tg_argv::text[];
begin
    if new.erasure is not null
        and old.erasure is null
        and new.unit is null
        and to_jsonb(new) - may_change = to_jsonb(old) - may_change
        and exists (
            select 1 from allot.erasure as e
            where e.experiment = new.experiment
                and e.number = new.erasure
                and e.erased_xid = pg_current_xact_id()
        )
    then
        return new;
    end if;
    raise exception '% on allot.% is refused: its history is append-only', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end;
$$;

drop trigger immutable on allot.decision;
create trigger immutable before update on allot.decision
for each row execute function allot.refuse_change_but_erasure(
    'erasure', 'unit', 'request_id', 'arm', 'propensity'
);

drop trigger immutable on allot.reward;
create trigger immutable before update on allot.reward
for each row execute function allot.refuse_change_but_erasure(
    'erasure', 'unit', 'reward_id', 'decision_id'
);
