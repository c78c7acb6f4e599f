-- Regret curve of one evaluation: upsert its rows, delete those it no longer has.
-- Runs under the evaluation's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.log,
        given.policy,
        given.up_to_batch,
        given.decisions,
        given.per_decision,
        given.cumulative,
        given.cumulative_lo,
        given.cumulative_hi,
        given.level,
        given.best_arm,
        given.candidates
    from jsonb_populate_recordset(null::allot.regret, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.regret as stored
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

insert into allot.regret (
    experiment, batch_id, statistics_hash, log, policy, up_to_batch, decisions, per_decision,
    cumulative, cumulative_lo, cumulative_hi, level, best_arm, candidates
)
select
    experiment,
    batch_id,
    statistics_hash,
    log,
    policy,
    up_to_batch,
    decisions,
    per_decision,
    cumulative,
    cumulative_lo,
    cumulative_hi,
    level,
    best_arm,
    candidates
from incoming
on conflict (
    experiment, batch_id, statistics_hash, log, policy, up_to_batch
)
do update set
    decisions = excluded.decisions,
    per_decision = excluded.per_decision,
    cumulative = excluded.cumulative,
    cumulative_lo = excluded.cumulative_lo,
    cumulative_hi = excluded.cumulative_hi,
    level = excluded.level,
    best_arm = excluded.best_arm,
    candidates = excluded.candidates
