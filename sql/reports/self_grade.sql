-- Grades of one evaluation: upsert its rows, delete those it no longer has.
-- Runs under the evaluation's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.log,
        given.evaluation_policy,
        given.estimator,
        given.interval_method,
        given.estimate,
        given.lo,
        given.hi,
        given.on_policy_mean,
        given.on_policy_lo,
        given.on_policy_hi,
        given.level
    from jsonb_populate_recordset(null::allot.self_grade, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.self_grade as stored
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
                and incoming.estimator = stored.estimator
                and incoming.interval_method = stored.interval_method
        )
)

insert into allot.self_grade (
    experiment, batch_id, statistics_hash, log, evaluation_policy, estimator, interval_method,
    estimate, lo, hi, on_policy_mean, on_policy_lo, on_policy_hi, level
)
select
    experiment,
    batch_id,
    statistics_hash,
    log,
    evaluation_policy,
    estimator,
    interval_method,
    estimate,
    lo,
    hi,
    on_policy_mean,
    on_policy_lo,
    on_policy_hi,
    level
from incoming
on conflict (
    experiment, batch_id, statistics_hash, log, evaluation_policy, estimator, interval_method
)
do update set
    estimate = excluded.estimate,
    lo = excluded.lo,
    hi = excluded.hi,
    on_policy_mean = excluded.on_policy_mean,
    on_policy_lo = excluded.on_policy_lo,
    on_policy_hi = excluded.on_policy_hi,
    level = excluded.level
