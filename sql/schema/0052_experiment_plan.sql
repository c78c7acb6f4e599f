-- What an experiment was expected to tell when it was declared: one row per revision.

create table allot.experiment_plan (
    experiment allot.name not null,
    revision integer not null,
    maximum_days double precision not null check (maximum_days > 0),
    power double precision check (power between 0 and 1),
    power_error double precision check (power_error >= 0),
    median_days double precision check (median_days > 0),
    warning text not null,
    planned_at timestamptz not null default clock_timestamp(),
    primary key (experiment, revision),
    foreign key (experiment, revision)
    references allot.experiment_revision (experiment, revision)
);

create trigger immutable before update or delete on allot.experiment_plan
for each row execute function allot.refuse_change();

comment on table allot.experiment_plan is
'The planner''s word on each declaration: chance of a verdict, and how long it may take.';
comment on column allot.experiment_plan.experiment is 'Slug of the experiment.';
comment on column allot.experiment_plan.revision is 'Declaration that was planned.';
comment on column allot.experiment_plan.maximum_days is
'Longest duration: declared, or the shortest of 28, 56 and 84 days with 80 % power, or 28.';
comment on column allot.experiment_plan.power is
'Chance that the declared uplift is found by then, simulated; null where nothing was planned.';
comment on column allot.experiment_plan.power_error is
'Half-width of its 95 % Monte-Carlo interval.';
comment on column allot.experiment_plan.median_days is
'Median day of the verdict; null where fewer than half get there.';
comment on column allot.experiment_plan.warning is
'What to think about before it starts; empty where nothing is.';
comment on column allot.experiment_plan.planned_at is 'When it was planned (UTC).';
