-- Declared metrics of one judgement: upsert its rows, delete those it has not.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.metric,
        given.arm,
        given.method,
        given.cap,
        given.higher_is_better,
        given.observations,
        given.capped,
        given.effective,
        given.value,
        given.standard_error,
        given.against,
        given.answer,
        given.reason,
        given.estimate,
        given.lo,
        given.hi,
        given.p_value,
        given.fixed_estimate,
        given.fixed_lo,
        given.fixed_hi,
        given.variance_reduction
    from jsonb_populate_recordset(null::allot.metric_effect, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.metric_effect as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.metric = stored.metric
                and incoming.arm = stored.arm
        )
)

insert into allot.metric_effect (
    experiment, batch_id, statistics_hash, position, metric, arm, method, cap,
    higher_is_better, observations, capped, effective, value, standard_error, against, answer,
    reason, estimate, lo, hi, p_value, fixed_estimate, fixed_lo, fixed_hi, variance_reduction
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    metric,
    arm,
    method,
    cap,
    higher_is_better,
    observations,
    capped,
    effective,
    value,
    standard_error,
    against,
    answer,
    reason,
    estimate,
    lo,
    hi,
    p_value,
    fixed_estimate,
    fixed_lo,
    fixed_hi,
    variance_reduction
from incoming
on conflict (experiment, batch_id, statistics_hash, position, metric, arm)
do update set
    method = excluded.method,
    cap = excluded.cap,
    higher_is_better = excluded.higher_is_better,
    observations = excluded.observations,
    capped = excluded.capped,
    effective = excluded.effective,
    value = excluded.value,
    standard_error = excluded.standard_error,
    against = excluded.against,
    answer = excluded.answer,
    reason = excluded.reason,
    estimate = excluded.estimate,
    lo = excluded.lo,
    hi = excluded.hi,
    p_value = excluded.p_value,
    fixed_estimate = excluded.fixed_estimate,
    fixed_lo = excluded.fixed_lo,
    fixed_hi = excluded.fixed_hi,
    variance_reduction = excluded.variance_reduction
