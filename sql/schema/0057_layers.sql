-- Who may take part: disjoint slices of units per layer, and a holdout of all experiments.

create table allot.layer_slice (
    experiment allot.name primary key references allot.experiment (slug),
    layer allot.name not null,
    first integer not null check (first >= 0),
    stop integer not null check (stop <= 10000),
    assigned_at timestamptz not null default clock_timestamp(),
    constraint some_units check (first < stop)
);

create index layer_slice_by_layer on allot.layer_slice (layer);

create trigger immutable before update or delete on allot.layer_slice
for each row execute function allot.refuse_change();

comment on table allot.layer_slice is
'Units that an experiment of a layer may have, fixed when it is created; slices of experiments of '
'one layer that are not archived never overlap.';
comment on column allot.layer_slice.layer is 'Name of the layer; salts the hash of its units.';
comment on column allot.layer_slice.first is 'First bucket of 10,000.';
comment on column allot.layer_slice.stop is 'One past the last.';

create table allot.global_holdout (
    number integer primary key check (number >= 1),
    share double precision not null check (share between 0 and 1),
    by text not null check (char_length(by) > 0),
    why text not null check (char_length(why) > 0),
    at timestamptz not null default clock_timestamp(),
    changed_xid xid8 not null default pg_current_xact_id()
);

create trigger immutable before update or delete on allot.global_holdout
for each row execute function allot.refuse_change();

comment on table allot.global_holdout is
'Share of units that no experiment draws for; the highest number is in force, none means 0.';
comment on column allot.global_holdout.number is 'Counts from 1.';
comment on column allot.global_holdout.share is 'Share of all units, by a hash of their own.';
comment on column allot.global_holdout.by is 'Who set it.';
comment on column allot.global_holdout.why is 'Why.';
comment on column allot.global_holdout.changed_xid is
'Transaction that wrote it: read by all who follow changes, in the order of commits.';
