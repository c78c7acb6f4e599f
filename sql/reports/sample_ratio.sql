-- Sample-ratio tests of one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.step,
        given.look_batch,
        given.version,
        given.cell,
        given.units,
        given.p_value,
        given.mismatch,
        given.arm,
        given.excess
    from jsonb_populate_recordset(null::allot.sample_ratio, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.sample_ratio as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.step = stored.step
        )
)

insert into allot.sample_ratio (
    experiment, batch_id, statistics_hash, position, step, look_batch, version, cell, units,
    p_value, mismatch, arm, excess
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    step,
    look_batch,
    version,
    cell,
    units,
    p_value,
    mismatch,
    arm,
    excess
from incoming
on conflict (experiment, batch_id, statistics_hash, position, step)
do update set
    look_batch = excluded.look_batch,
    version = excluded.version,
    cell = excluded.cell,
    units = excluded.units,
    p_value = excluded.p_value,
    mismatch = excluded.mismatch,
    arm = excluded.arm,
    excess = excluded.excess
