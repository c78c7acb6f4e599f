-- Learning curve of one evaluation: upsert its rows, delete those it no longer has.
-- Runs under the evaluation's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.log,
        given.policy,
        given.up_to_batch,
        given.rows_read,
        given.rows_kept,
        given.clicks,
        given.mean_reward,
        given.lo,
        given.hi,
        given.level
    from jsonb_populate_recordset(null::allot.learning_point, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.learning_point as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.log = stored.log
                and incoming.policy = stored.policy
                and incoming.up_to_batch = stored.up_to_batch
        )
)

insert into allot.learning_point (
    experiment, batch_id, statistics_hash, log, policy, up_to_batch, rows_read, rows_kept,
    clicks, mean_reward, lo, hi, level
)
select
    experiment,
    batch_id,
    statistics_hash,
    log,
    policy,
    up_to_batch,
    rows_read,
    rows_kept,
    clicks,
    mean_reward,
    lo,
    hi,
    level
from incoming
on conflict (
    experiment, batch_id, statistics_hash, log, policy, up_to_batch
)
do update set
    rows_read = excluded.rows_read,
    rows_kept = excluded.rows_kept,
    clicks = excluded.clicks,
    mean_reward = excluded.mean_reward,
    lo = excluded.lo,
    hi = excluded.hi,
    level = excluded.level
