-- Values of one evaluation: upsert its rows, delete those it no longer has.
-- Runs under the evaluation's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.log,
        given.evaluation_policy,
        given.position,
        given.estimator,
        given.interval_method,
        given.basis,
        given.first_batch,
        given.last_batch,
        given.n,
        given.value,
        given.variance,
        given.level,
        given.lo,
        given.hi,
        given.hyper_parameters
    from jsonb_populate_recordset(null::allot.policy_value, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.policy_value as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.log = stored.log
                and incoming.evaluation_policy = stored.evaluation_policy
                and incoming.position = stored.position
                and incoming.estimator = stored.estimator
                and incoming.interval_method = stored.interval_method
        )
)

insert into allot.policy_value (
    experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator,
    interval_method, basis, first_batch, last_batch, n, value, variance, level, lo, hi,
    hyper_parameters
)
select
    experiment,
    batch_id,
    statistics_hash,
    log,
    evaluation_policy,
    position,
    estimator,
    interval_method,
    basis,
    first_batch,
    last_batch,
    n,
    value,
    variance,
    level,
    lo,
    hi,
    hyper_parameters
from incoming
on conflict (
    experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator,
    interval_method
)
do update set
    basis = excluded.basis,
    first_batch = excluded.first_batch,
    last_batch = excluded.last_batch,
    n = excluded.n,
    value = excluded.value,
    variance = excluded.variance,
    level = excluded.level,
    lo = excluded.lo,
    hi = excluded.hi,
    hyper_parameters = excluded.hyper_parameters
