-- Exact sequences of one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.family,
        given.method,
        given.arm,
        given.look,
        given.look_batch,
        given.against,
        given.lo,
        given.hi
    from jsonb_populate_recordset(null::allot.exact_sequence, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.exact_sequence as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.family = stored.family
                and incoming.method = stored.method
                and incoming.arm = stored.arm
                and incoming.look = stored.look
        )
)

insert into allot.exact_sequence (
    experiment, batch_id, statistics_hash, position, family, method, arm, look,
    look_batch, against, lo, hi
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    family,
    method,
    arm,
    look,
    look_batch,
    against,
    lo,
    hi
from incoming
on conflict (
    experiment, batch_id, statistics_hash, position, family, method, arm, look
)
do update set
    look_batch = excluded.look_batch,
    against = excluded.against,
    lo = excluded.lo,
    hi = excluded.hi
