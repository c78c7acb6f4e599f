-- Confidence sequences of one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.family,
        given.arm,
        given.look,
        given.look_batch,
        given.against,
        given.answer,
        given.known,
        given.reason,
        given.estimate,
        given.lo,
        given.hi,
        given.equal_estimate,
        given.equal_lo,
        given.equal_hi,
        given.disagreement,
        given.p_value
    from jsonb_populate_recordset(null::allot.confidence_sequence, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.confidence_sequence as stored
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
                and incoming.arm = stored.arm
                and incoming.look = stored.look
        )
)

insert into allot.confidence_sequence (
    experiment, batch_id, statistics_hash, position, family, arm, look, look_batch, against,
    answer, known, reason, estimate, lo, hi, equal_estimate, equal_lo, equal_hi, disagreement,
    p_value
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    family,
    arm,
    look,
    look_batch,
    against,
    answer,
    known,
    reason,
    estimate,
    lo,
    hi,
    equal_estimate,
    equal_lo,
    equal_hi,
    disagreement,
    p_value
from incoming
on conflict (experiment, batch_id, statistics_hash, position, family, arm, look)
do update set
    look_batch = excluded.look_batch,
    against = excluded.against,
    answer = excluded.answer,
    known = excluded.known,
    reason = excluded.reason,
    estimate = excluded.estimate,
    lo = excluded.lo,
    hi = excluded.hi,
    equal_estimate = excluded.equal_estimate,
    equal_lo = excluded.equal_lo,
    equal_hi = excluded.equal_hi,
    disagreement = excluded.disagreement,
    p_value = excluded.p_value
