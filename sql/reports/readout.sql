-- What the picked arm is worth, by one judgement: upsert its rows, delete those it has not.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.basis,
        given.arm,
        given.against,
        given.picked,
        given.estimate,
        given.lo,
        given.hi,
        given.naive_estimate
    from jsonb_populate_recordset(null::allot.readout, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.readout as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.basis = stored.basis
                and incoming.arm = stored.arm
                and incoming.against = stored.against
        )
)

insert into allot.readout (
    experiment, batch_id, statistics_hash, position, basis, arm, against, picked,
    estimate, lo, hi, naive_estimate
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    basis,
    arm,
    against,
    picked,
    estimate,
    lo,
    hi,
    naive_estimate
from incoming
on conflict (
    experiment, batch_id, statistics_hash, position, basis, arm, against
)
do update set
    picked = excluded.picked,
    estimate = excluded.estimate,
    lo = excluded.lo,
    hi = excluded.hi,
    naive_estimate = excluded.naive_estimate
