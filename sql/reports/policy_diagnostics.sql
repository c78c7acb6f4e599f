-- Diagnostics of one evaluation: upsert its rows, delete those it no longer has.
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
        given.n,
        given.effective_sample_size,
        given.effective_rewards,
        given.largest_weight,
        given.mean_weight,
        given.mean_weight_error,
        given.mass_without_support,
        given.disagreement,
        given.verdict,
        given.reasons
    from jsonb_populate_recordset(null::allot.policy_diagnostics, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.policy_diagnostics as stored
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
        )
)

insert into allot.policy_diagnostics (
    experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator, n,
    effective_sample_size, effective_rewards, largest_weight, mean_weight, mean_weight_error,
    mass_without_support, disagreement, verdict, reasons
)
select
    experiment,
    batch_id,
    statistics_hash,
    log,
    evaluation_policy,
    position,
    estimator,
    n,
    effective_sample_size,
    effective_rewards,
    largest_weight,
    mean_weight,
    mean_weight_error,
    mass_without_support,
    disagreement,
    verdict,
    reasons
from incoming
on conflict (
    experiment, batch_id, statistics_hash, log, evaluation_policy, position, estimator
)
do update set
    n = excluded.n,
    effective_sample_size = excluded.effective_sample_size,
    effective_rewards = excluded.effective_rewards,
    largest_weight = excluded.largest_weight,
    mean_weight = excluded.mean_weight,
    mean_weight_error = excluded.mean_weight_error,
    mass_without_support = excluded.mass_without_support,
    disagreement = excluded.disagreement,
    verdict = excluded.verdict,
    reasons = excluded.reasons
