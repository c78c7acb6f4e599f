-- Online false discovery rate over all experiments: upsert every entry.
-- Runs under the portfolio's lock. Parameters: the rows as a JSON array.
insert into allot.portfolio_entry (
    experiment, place, batch_id, statistics_hash, p_value, level, discovery, alpha
)
select
    given.experiment,
    given.place,
    given.batch_id,
    given.statistics_hash,
    given.p_value,
    given.level,
    given.discovery,
    given.alpha
from jsonb_populate_recordset(null::allot.portfolio_entry, %(rows)s::jsonb) as given
on conflict (experiment)
do update set
    place = excluded.place,
    batch_id = excluded.batch_id,
    statistics_hash = excluded.statistics_hash,
    p_value = excluded.p_value,
    level = excluded.level,
    discovery = excluded.discovery,
    alpha = excluded.alpha,
    decided_at = now()
