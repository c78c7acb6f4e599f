-- Intervals for one look, beside one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.method,
        given.arm,
        given.against,
        given.reference,
        given.estimate,
        given.lo,
        given.hi
    from jsonb_populate_recordset(null::allot.fixed_time_interval, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.fixed_time_interval as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.method = stored.method
                and incoming.arm = stored.arm
        )
)

insert into allot.fixed_time_interval (
    experiment, batch_id, statistics_hash, position, method, arm, against, reference, estimate,
    lo, hi
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    method,
    arm,
    against,
    reference,
    estimate,
    lo,
    hi
from incoming
on conflict (experiment, batch_id, statistics_hash, position, method, arm)
do update set
    against = excluded.against,
    reference = excluded.reference,
    estimate = excluded.estimate,
    lo = excluded.lo,
    hi = excluded.hi
