-- What runs, what is live, and where to look next: one row per experiment.
create view allot.experiment_overview as
select
    e.slug::text as experiment,
    r.document ->> 'title' as title,
    r.document ->> 'owner' as owner,
    r.document #>> '{policy,name}' as policy,
    jsonb_array_length(r.document -> 'arms') as arms,
    (r.document ->> 'positions')::integer as positions,
    r.revision,
    b.batches,
    b.first_batch,
    b.last_batch,
    p.observations,
    p.rewards,
    w.version as weights_version,
    w.batch_id::text as weights_batch,
    w.published_at,
    a.arm_id::text as leading_arm,
    a.share as leading_share,
    a.best_probability as leading_best_probability,
    v.batch_id::text as evaluated_batch,
    v.evaluated_at,
    t.url as tracking_url
from allot.experiment as e
left join lateral (
    select
        er.revision,
        er.document
    from allot.experiment_revision as er
    where er.experiment = e.slug
    order by er.revision desc
    limit 1
) as r on true
left join lateral (
    select
        count(*) as batches,
        min(bs.batch_id)::text as first_batch,
        max(bs.batch_id)::text as last_batch
    from allot.batch_statistics as bs
    where bs.experiment = e.slug and bs.superseded_at is null
) as b on true
left join lateral (
    select
        ws.version,
        ws.batch_id,
        ws.published_at
    from allot.weights_snapshot as ws
    where ws.experiment = e.slug
    order by ws.version desc
    limit 1
) as w on true
left join lateral (
    select
        sum(ps.n) as observations,
        sum(ps.sum_r) as rewards
    from allot.posterior_snapshot as ps
    where ps.experiment = e.slug and ps.version = w.version
) as p on true
left join lateral (
    select
        al.arm_id,
        al.share,
        al.best_probability
    from allot.allocation as al
    where al.experiment = e.slug and al.version = w.version
    order by al.slot asc, al.cell asc, al.buckets desc, al.arm asc
    limit 1
) as a on true
left join lateral (
    select
        ev.batch_id,
        ev.statistics_hash,
        ev.evaluated_at
    from allot.evaluation as ev
    where ev.experiment = e.slug
    order by ev.batch_id desc, ev.evaluated_at desc
    limit 1
) as v on true
left join allot.tracking_run as t
    on
        e.slug = t.experiment
        and v.batch_id = t.batch_id
        and v.statistics_hash = t.statistics_hash
        and t.kind = 'evaluation';

comment on view allot.experiment_overview is
'What runs, what is live, and where to look next: one row per experiment.';
comment on column allot.experiment_overview.experiment is 'Slug of the experiment.';
comment on column allot.experiment_overview.title is 'Title, as declared.';
comment on column allot.experiment_overview.owner is 'Who answers for it.';
comment on column allot.experiment_overview.policy is 'Policy in force.';
comment on column allot.experiment_overview.arms is 'Number of arms.';
comment on column allot.experiment_overview.positions is 'Number of slots in the slate.';
comment on column allot.experiment_overview.revision is 'Number of the declaration in force.';
comment on column allot.experiment_overview.batches is 'Batches with statistics.';
comment on column allot.experiment_overview.first_batch is 'Oldest of them.';
comment on column allot.experiment_overview.last_batch is 'Newest of them.';
comment on column allot.experiment_overview.observations is
'Observations behind the live weights, over all slots; fewer under a discount or window.';
comment on column allot.experiment_overview.rewards is
'Rewards behind the live weights, likewise.';
comment on column allot.experiment_overview.weights_version is
'Live weights version; 0 is the default.';
comment on column allot.experiment_overview.weights_batch is
'Newest batch folded into the live weights; null for version 0.';
comment on column allot.experiment_overview.published_at is
'When the live version was published (UTC).';
comment on column allot.experiment_overview.leading_arm is
'Arm with the largest live share in the first slot.';
comment on column allot.experiment_overview.leading_share is 'Its share of decisions there.';
comment on column allot.experiment_overview.leading_best_probability is
'Its P(best) there: a description, not a test.';
comment on column allot.experiment_overview.evaluated_batch is
'Newest batch that was evaluated.';
comment on column allot.experiment_overview.evaluated_at is 'When (UTC).';
comment on column allot.experiment_overview.tracking_url is 'MLflow run of that evaluation.';
