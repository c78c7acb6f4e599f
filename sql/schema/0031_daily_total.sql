-- Totals that clients counted themselves, per arm and day. Append-only: the newest entry counts.

create table allot.daily_total (
    experiment allot.name not null references allot.experiment (slug),
    day date not null,
    arm_id allot.name not null,
    entry bigint generated always as identity,
    decisions bigint not null check (decisions >= 0),
    rewards double precision not null check (abs(rewards) < 'infinity'::double precision),
    updated_by text not null,
    updated_at timestamptz not null default clock_timestamp(),
    updated_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, day, arm_id, entry),
    constraint rewards_need_decisions check (decisions > 0 or rewards = 0)
);

create index daily_total_by_receipt on allot.daily_total (updated_xid);

create trigger immutable before update or delete on allot.daily_total
for each row execute function allot.refuse_change();

comment on table allot.daily_total is
'Totals per arm and day as clients posted them; of several entries the newest counts.';
comment on column allot.daily_total.experiment is 'Slug of the experiment.';
comment on column allot.daily_total.day is 'Day that was counted (UTC).';
comment on column allot.daily_total.arm_id is 'Name of the arm.';
comment on column allot.daily_total.entry is
'Counts over all entries: of one experiment, day and arm the highest is in force.';
comment on column allot.daily_total.decisions is 'Impressions: how often the arm was shown.';
comment on column allot.daily_total.rewards is 'Sum of the rewards of those impressions.';
comment on column allot.daily_total.updated_by is 'Name of the key that posted it.';
comment on column allot.daily_total.updated_at is 'When it was posted.';
comment on column allot.daily_total.updated_xid is 'Transaction that wrote it.';
