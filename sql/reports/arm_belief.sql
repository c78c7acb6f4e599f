-- Beliefs beside one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.cell,
        given.arm,
        given.posterior_mean,
        given.posterior_sd,
        given.best_probability,
        given.expected_loss
    from jsonb_populate_recordset(null::allot.arm_belief, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.arm_belief as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
                and incoming.cell = stored.cell
                and incoming.arm = stored.arm
        )
)

insert into allot.arm_belief (
    experiment, batch_id, statistics_hash, position, cell, arm, posterior_mean, posterior_sd,
    best_probability, expected_loss
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    cell,
    arm,
    posterior_mean,
    posterior_sd,
    best_probability,
    expected_loss
from incoming
on conflict (experiment, batch_id, statistics_hash, position, cell, arm)
do update set
    posterior_mean = excluded.posterior_mean,
    posterior_sd = excluded.posterior_sd,
    best_probability = excluded.best_probability,
    expected_loss = excluded.expected_loss
