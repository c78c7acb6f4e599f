-- Verdicts of one judgement: upsert its rows, delete those it no longer has.
-- Runs under the judgement's lock. Parameters: its key, and the rows as a JSON array.
with incoming as (
    select
        %(experiment)s::text as experiment,
        %(batch_id)s::text as batch_id,
        %(statistics_hash)s::text as statistics_hash,
        given.position,
        given.looks,
        given.units,
        given.winner,
        given.winner_blocked,
        given.p_value,
        given.known_arms,
        given.reason,
        given.leader,
        given.potential_value_remaining
    from jsonb_populate_recordset(null::allot.verdict, %(rows)s::jsonb) as given
),

absent as (
    delete from allot.verdict as stored
    where
        stored.experiment = %(experiment)s
        and stored.batch_id = %(batch_id)s
        and stored.statistics_hash = %(statistics_hash)s
        and not exists (
            select 1
            from incoming
            where
                incoming.position = stored.position
        )
)

insert into allot.verdict (
    experiment, batch_id, statistics_hash, position, looks, units, winner, winner_blocked,
    p_value, known_arms, reason, leader, potential_value_remaining
)
select
    experiment,
    batch_id,
    statistics_hash,
    position,
    looks,
    units,
    winner,
    winner_blocked,
    p_value,
    known_arms,
    reason,
    leader,
    potential_value_remaining
from incoming
on conflict (experiment, batch_id, statistics_hash, position)
do update set
    looks = excluded.looks,
    units = excluded.units,
    winner = excluded.winner,
    winner_blocked = excluded.winner_blocked,
    p_value = excluded.p_value,
    known_arms = excluded.known_arms,
    reason = excluded.reason,
    leader = excluded.leader,
    potential_value_remaining = excluded.potential_value_remaining
