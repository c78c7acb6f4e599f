-- All experiments together: online false discovery rate on always-valid p-values.
create view allot.portfolio as
select
    p.place,
    p.experiment::text as experiment,
    d.document ->> 'title' as title,
    p.p_value,
    p.level,
    p.discovery,
    coalesce(v.winners, '') as winners,
    p.batch_id::text as batch_id,
    p.alpha as false_discovery_rate,
    p.decided_at
from allot.portfolio_entry as p
left join lateral (
    select er.document
    from allot.experiment_revision as er
    where er.experiment = p.experiment
    order by er.revision desc
    limit 1
) as d on true
left join lateral (
    select string_agg(vd.position || ': ' || vd.winner, ', ' order by vd.position) as winners
    from allot.verdict as vd
    where
        vd.experiment = p.experiment
        and vd.batch_id = p.batch_id
        and vd.statistics_hash = p.statistics_hash
        and vd.winner is not null
) as v on true;

comment on view allot.portfolio is
'Which wins survive that many experiments are run? Online false discovery rate over all of them.';
comment on column allot.portfolio.place is 'Order in which the experiments were created, from 1.';
comment on column allot.portfolio.experiment is 'Slug of the experiment.';
comment on column allot.portfolio.title is 'Title, as declared.';
comment on column allot.portfolio.p_value is
'Always-valid, over its positions: the smallest times their number; 1 while nothing is known.';
comment on column allot.portfolio.level is
'What the experiment may spend; it depends on earlier ones only.';
comment on column allot.portfolio.discovery is
'Whether it counts as a win among all experiments: p-value at most the level.';
comment on column allot.portfolio.winners is
'Winners by position, of the judgement that was read; empty while there is none.';
comment on column allot.portfolio.batch_id is 'Newest batch of that judgement; null before one.';
comment on column allot.portfolio.false_discovery_rate is
'Kept over all experiments ever run (LORD++).';
comment on column allot.portfolio.decided_at is 'When it was computed last (UTC).';
