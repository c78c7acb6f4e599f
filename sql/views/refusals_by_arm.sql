-- Refusal rate by arm: where it depends on the arm, what was kept is biased.
create view allot.refusals_by_arm as
with rows_of_arms as (
    select
        q.experiment,
        q.log,
        q.arm,
        0 as kept,
        q.rows as refused
    from allot.quarantine as q
    where q.arm is not null
    union all
    select
        s.experiment::text as experiment,
        case
            when d.document #>> '{source,kind}' = 'open_bandit' then s.version::text
            else 'decisions'
        end as log,
        s.arm,
        coalesce(s.decisions, s.n) as kept,
        0 as refused
    from allot.arm_statistics as s
    inner join allot.batch_statistics as b
        on
            s.experiment = b.experiment
            and s.batch_id = b.batch_id
            and s.statistics_hash = b.statistics_hash
            and b.superseded_at is null
    left join lateral (
        select er.document
        from allot.experiment_revision as er
        where er.experiment = s.experiment
        order by er.revision desc
        limit 1
    ) as d on true
),

arms as (
    select
        experiment,
        log,
        arm,
        sum(kept) as kept,
        sum(refused) as refused
    from rows_of_arms
    group by experiment, log, arm
),

totals as (
    select
        a.*,
        sum(a.kept) over whole as all_kept,
        sum(a.refused) over whole as all_refused
    from arms as a
    window whole as (partition by a.experiment, a.log)
)

select
    t.experiment,
    t.log,
    t.arm,
    d.document -> 'arms' ->> t.arm as arm_id,
    t.kept::bigint as kept,
    t.refused::bigint as refused,
    (t.refused / (t.refused + t.kept))::double precision as refusal_rate,
    (
        (t.all_refused - t.refused) / nullif(t.all_refused + t.all_kept - t.refused - t.kept, 0)
    )::double precision as rate_of_others
from totals as t
left join lateral (
    select er.document
    from allot.experiment_revision as er
    where er.experiment = t.experiment
    order by er.revision desc
    limit 1
) as d on true
where t.all_kept > 0;

comment on view allot.refusals_by_arm is
'How often rows of each arm were refused: a rate that depends on the arm is a bias.';
comment on column allot.refusals_by_arm.experiment is 'Slug of the experiment.';
comment on column allot.refusals_by_arm.log is
'Log from which it learns: decisions for the API''s own, else the behavior policy.';
comment on column allot.refusals_by_arm.arm is 'Index of the arm, from 0.';
comment on column allot.refusals_by_arm.arm_id is 'Name of the arm.';
comment on column allot.refusals_by_arm.kept is
'Rows of the arm that count, over all batches and positions.';
comment on column allot.refusals_by_arm.refused is 'Rows of the arm that were refused.';
comment on column allot.refusals_by_arm.refusal_rate is 'Refused / (refused + kept).';
comment on column allot.refusals_by_arm.rate_of_others is
'The same for all other arms together; null where there is no row of theirs.';
