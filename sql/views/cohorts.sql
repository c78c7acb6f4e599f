-- How each arm does in each cohort, and in all of them together.
create view allot.cohorts as
with declared as not materialized (
    select distinct on (er.experiment)
        er.experiment,
        er.document,
        (
            select named.place - 1
            from
                jsonb_array_elements_text(er.document -> 'arms') with ordinality
                    as named (arm_id, place)
            where named.arm_id = er.document ->> 'control'
        ) as control
    from allot.experiment_revision as er
    order by er.experiment asc, er.revision desc
),

by_batch as not materialized (
    select
        s.experiment,
        s.batch_id,
        s.position,
        s.cohort,
        s.arm,
        d.control,
        sum(s.n) as n,
        sum(s.sum_r) as r,
        sum(s.sum_ip) as ip,
        sum(s.sum_ip2) as ip2,
        sum(s.sum_r_ip) as r_ip,
        sum(s.sum_r_ip2) as r_ip2,
        sum(s.sum_r2_ip2) as r2_ip2
    from allot.arm_statistics as s
    inner join allot.batch_statistics as b
        on
            s.experiment = b.experiment
            and s.batch_id = b.batch_id
            and s.statistics_hash = b.statistics_hash
            and b.superseded_at is null
    inner join declared as d on s.experiment = d.experiment
    group by s.experiment, s.batch_id, s.position, s.cohort, s.arm, d.control
),

-- What an arm is held against in a batch: the control; where there is none, the uniform policy,
-- which is every observation of the batch weighted by 1 / its propensity.
reference as (
    select
        s.experiment,
        s.batch_id,
        s.position,
        s.cohort,
        sum(s.ip) as ip,
        sum(s.ip2) as ip2,
        sum(s.r_ip) as r_ip,
        sum(s.r_ip2) as r_ip2,
        sum(s.r2_ip2) as r2_ip2
    from by_batch as s
    where s.control is null or s.arm = s.control
    group by s.experiment, s.batch_id, s.position, s.cohort
),

-- Effects come only from batches in which both were shown: levels move from day to day.
sums as (
    select
        s.experiment,
        s.position,
        s.arm,
        s.cohort,
        s.control,
        sum(s.n) as n,
        sum(s.r) as r,
        sum(s.ip) as ip,
        sum(s.ip2) as ip2,
        sum(s.r_ip) as r_ip,
        sum(s.r_ip2) as r_ip2,
        sum(s.r2_ip2) as r2_ip2,
        sum(s.ip) filter (where r.ip is not null) as own_ip,
        sum(s.ip2) filter (where r.ip is not null) as own_ip2,
        sum(s.r_ip) filter (where r.ip is not null) as own_r_ip,
        sum(s.r_ip2) filter (where r.ip is not null) as own_r_ip2,
        sum(s.r2_ip2) filter (where r.ip is not null) as own_r2_ip2,
        sum(r.ip) as ref_ip,
        sum(r.ip2) as ref_ip2,
        sum(r.r_ip) as ref_r_ip,
        sum(r.r_ip2) as ref_r_ip2,
        sum(r.r2_ip2) as ref_r2_ip2
    from by_batch as s
    left join reference as r
        on
            s.experiment = r.experiment
            and s.batch_id = r.batch_id
            and s.position = r.position
            and s.cohort = r.cohort
    group by
        grouping sets (
            (s.experiment, s.position, s.arm, s.control, s.cohort),
            (s.experiment, s.position, s.arm, s.control)
        )
),

means as (
    select
        *,
        r_ip / ip as mean,
        sqrt(greatest(r2_ip2 - 2 * r_ip / ip * r_ip2 + (r_ip / ip) ^ 2 * ip2, 0)) / ip as mean_se,
        own_r_ip / own_ip as own,
        ref_r_ip / ref_ip as held,
        (n / sum(n) over (partition by experiment, position, cohort))::double precision as share
    from sums
),

-- The uniform policy shares the arm's own rows with it, so their errors go together.
effects as (
    select
        *,
        case when control is null or arm <> control then own - held end as effect,
        sqrt(greatest(
            (own_r2_ip2 - 2 * own * own_r_ip2 + own ^ 2 * own_ip2) / own_ip ^ 2
            + (ref_r2_ip2 - 2 * held * ref_r_ip2 + held ^ 2 * ref_ip2) / ref_ip ^ 2
            - case when control is null then 2 else 0 end
            * (own_r2_ip2 - (own + held) * own_r_ip2 + own * held * own_ip2) / (own_ip * ref_ip),
            0
        )) as effect_se
    from means
)

select
    e.experiment::text as experiment,
    e.position,
    e.cohort,
    e.arm,
    d.document -> 'arms' ->> e.arm as arm_id,
    coalesce(d.document ->> 'control', 'uniform') as against,
    e.n::bigint as observations,
    e.r as rewards,
    e.share as observed_share,
    e.mean as corrected_mean,
    e.mean - 1.959964 * e.mean_se as corrected_lo,
    e.mean + 1.959964 * e.mean_se as corrected_hi,
    e.effect,
    e.effect - 1.959964 * e.effect_se as effect_lo,
    e.effect + 1.959964 * e.effect_se as effect_hi
from effects as e
inner join declared as d on e.experiment = d.experiment;

comment on view allot.cohorts is
'Reward, effect and share of every arm in every cohort, and in all of them together.';
comment on column allot.cohorts.experiment is 'Slug of the experiment.';
comment on column allot.cohorts.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.cohorts.cohort is
'Declared context cell; * where none fits; null: all of them together.';
comment on column allot.cohorts.arm is 'Index of the arm, from 0.';
comment on column allot.cohorts.arm_id is 'Name of the arm.';
comment on column allot.cohorts.against is
'What the effect is held against: the control, or uniform where none is declared.';
comment on column allot.cohorts.observations is 'Observations of the arm in the cohort.';
comment on column allot.cohorts.rewards is 'Sum of their rewards.';
comment on column allot.cohorts.observed_share is
'Part of the cohort''s observations that the arm had, over all batches.';
comment on column allot.cohorts.corrected_mean is
'Σ(r/p) / Σ(1/p): every observation weighted by 1 / its propensity.';
comment on column allot.cohorts.corrected_lo is 'Lower end of its normal 95 % interval, one look.';
comment on column allot.cohorts.corrected_hi is 'Upper end of its normal 95 % interval, one look.';
comment on column allot.cohorts.effect is
'Mean minus that of what it is held against, over batches that showed both; null for the control.';
comment on column allot.cohorts.effect_lo is
'Lower end of its normal 95 % interval, one look, one cohort: no verdict.';
comment on column allot.cohorts.effect_hi is 'Upper end of its normal 95 % interval, likewise.';
