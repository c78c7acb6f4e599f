-- What every experiment is doing now, by its newest revision and its newest state.
create view allot.experiment_status as
select
    e.slug::text as experiment,
    r.revision,
    coalesce(s.state, 'running') as state,
    coalesce(s.changed_at, e.created_at) as state_since,
    coalesce(s.changed_by, e.created_by) as state_by,
    coalesce(s.reason, r.first_reason) as state_reason,
    r.document -> 'policy' ->> 'name' as strategy,
    r.document -> 'challenger' ->> 'name' as challenger,
    coalesce((r.document ->> 'traffic_share')::double precision, 1.0) as traffic_share
from allot.experiment as e
inner join lateral (
    select
        newest.revision,
        newest.document,
        first.reason as first_reason
    from allot.experiment_revision as newest
    inner join allot.experiment_revision as first
        on newest.experiment = first.experiment and first.revision = 1
    where newest.experiment = e.slug
    order by newest.revision desc
    limit 1
) as r on true
left join lateral (
    select
        newest.state,
        newest.changed_at,
        newest.changed_by,
        newest.reason
    from allot.experiment_state as newest
    where newest.experiment = e.slug
    order by newest.number desc
    limit 1
) as s on true;

comment on view allot.experiment_status is
'What every experiment is doing now: its state with who and why, its strategy and its challenger.';
comment on column allot.experiment_status.experiment is 'Slug of the experiment.';
comment on column allot.experiment_status.revision is 'Declaration in force.';
comment on column allot.experiment_status.state is
'draft, running, paused, concluded or archived; only a running experiment draws arms.';
comment on column allot.experiment_status.state_since is 'Since when (UTC).';
comment on column allot.experiment_status.state_by is 'Who changed it.';
comment on column allot.experiment_status.state_reason is 'Why.';
comment on column allot.experiment_status.strategy is 'Policy in force.';
comment on column allot.experiment_status.challenger is
'Policy in the shadow of the one in force; null where there is none.';
comment on column allot.experiment_status.traffic_share is 'Part of the units that takes part.';
