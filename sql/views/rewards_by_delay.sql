-- How long rewards took to occur, and how long they took to arrive, by batch of their decision.
create view allot.rewards_by_delay as
with declared as (
    select distinct on (experiment)
        experiment,
        (document ->> 'batch')::interval as cadence,
        (document -> 'reward' ->> 'window')::interval as patience
    from allot.experiment_revision
    order by experiment asc, revision desc
),

found as (
    select
        o.experiment,
        o.outcome,
        w.patience,
        extract(epoch from w.cadence)::bigint as cadence_seconds,
        date_bin(w.cadence, o.decided_at, timestamptz '1970-01-05 00:00:00+00') as begins,
        o.received_at,
        extract(epoch from o.occurred_at - o.decided_at)::double precision as delay,
        extract(epoch from o.received_at - o.occurred_at)::double precision as lateness
    from allot.reward_outcome as o
    inner join declared as w on o.experiment = w.experiment
    where o.outcome in ('joined', 'late')
)

select
    f.experiment,
    to_char(
        f.begins at time zone 'UTC',
        case
            when f.cadence_seconds % 86400 = 0 then 'YYYY-MM-DD'
            when f.cadence_seconds % 60 = 0 then 'YYYY-MM-DD"T"HH24:MI"Z"'
            else 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
        end
    ) as batch_id,
    count(*) filter (where f.outcome = 'joined') as joined,
    count(*) filter (where f.outcome = 'late') as occurred_late,
    extract(epoch from f.patience)::double precision as window_seconds,
    percentile_cont(0.5) within group (order by f.delay) as delay_median,
    percentile_cont(0.9) within group (order by f.delay) as delay_p90,
    max(f.delay) as delay_max,
    percentile_cont(0.5) within group (order by f.lateness) as lateness_median,
    percentile_cont(0.9) within group (order by f.lateness) as lateness_p90,
    max(f.lateness) as lateness_max,
    count(*) filter (
        where
        f.outcome = 'joined'
        and f.received_at > f.begins + make_interval(secs => f.cadence_seconds) + f.patience
    ) as restating
from found as f
group by f.experiment, f.begins, f.cadence_seconds, f.patience;

comment on view allot.rewards_by_delay is
'By batch of their decisions: how long rewards took to occur, and to arrive. Counted from the log, '
'as far back as it is kept.';
comment on column allot.rewards_by_delay.experiment is 'Slug of the experiment.';
comment on column allot.rewards_by_delay.batch_id is 'Batch of the decisions (UTC).';
comment on column allot.rewards_by_delay.joined is 'Rewards that joined their decision.';
comment on column allot.rewards_by_delay.occurred_late is
'Rewards that occurred after the window: many of them, and the window is too short.';
comment on column allot.rewards_by_delay.window_seconds is 'The declared reward window, seconds.';
comment on column allot.rewards_by_delay.delay_median is
'Median of occurred − decided over both, seconds.';
comment on column allot.rewards_by_delay.delay_p90 is 'Nine of ten occurred within these seconds.';
comment on column allot.rewards_by_delay.delay_max is 'The longest, seconds.';
comment on column allot.rewards_by_delay.lateness_median is
'Median of received − occurred over both, seconds.';
comment on column allot.rewards_by_delay.lateness_p90 is
'Nine of ten arrived within these seconds.';
comment on column allot.rewards_by_delay.lateness_max is 'The longest, seconds.';
comment on column allot.rewards_by_delay.restating is
'Joined rewards that arrived after the batch had closed, and restated it.';
