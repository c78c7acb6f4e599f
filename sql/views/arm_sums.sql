-- The sums that count now, of every arm by cohort and over all of them together, and of what the
-- arm is held against: arm_performance and cohorts make their means of these.
create view allot.arm_sums as
with declared as (
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

by_batch as (
    select
        s.experiment,
        s.batch_id,
        s.position,
        s.cohort,
        s.arm,
        sum(s.n) as n,
        sum(s.sum_r) as r,
        sum(s.sum_r2) as r2,
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
    group by s.experiment, s.batch_id, s.position, s.cohort, s.arm
),

-- What an arm is held against in a batch: the control; where there is none, the uniform policy,
-- which is every observation of the batch weighted by 1 / its propensity.
held as (
    select
        s.*,
        d.document,
        d.control,
        sum(s.ip) filter (where d.control is null or s.arm = d.control) over shown as ref_ip,
        sum(s.ip2) filter (where d.control is null or s.arm = d.control) over shown as ref_ip2,
        sum(s.r_ip) filter (where d.control is null or s.arm = d.control) over shown as ref_r_ip,
        sum(s.r_ip2) filter (where d.control is null or s.arm = d.control) over shown as ref_r_ip2,
        sum(s.r2_ip2) filter (where d.control is null or s.arm = d.control) over shown
            as ref_r2_ip2
    from by_batch as s
    inner join declared as d on s.experiment = d.experiment
    window shown as (partition by s.experiment, s.batch_id, s.position, s.cohort)
),

-- Effects come only from batches in which both were shown: levels move from day to day.
sums as (
    select
        h.experiment,
        h.position,
        h.arm,
        own.cohort,
        h.document,
        h.control,
        sum(h.n) as n,
        sum(h.r) as r,
        sum(h.r2) as r2,
        sum(h.ip) as ip,
        sum(h.ip2) as ip2,
        sum(h.r_ip) as r_ip,
        sum(h.r_ip2) as r_ip2,
        sum(h.r2_ip2) as r2_ip2,
        sum(h.ip) filter (where h.ref_ip is not null) as own_ip,
        sum(h.ip2) filter (where h.ref_ip is not null) as own_ip2,
        sum(h.r_ip) filter (where h.ref_ip is not null) as own_r_ip,
        sum(h.r_ip2) filter (where h.ref_ip is not null) as own_r_ip2,
        sum(h.r2_ip2) filter (where h.ref_ip is not null) as own_r2_ip2,
        sum(h.ref_ip) as ref_ip,
        sum(h.ref_ip2) as ref_ip2,
        sum(h.ref_r_ip) as ref_r_ip,
        sum(h.ref_r_ip2) as ref_r_ip2,
        sum(h.ref_r2_ip2) as ref_r2_ip2
    from held as h
    -- Every row once for its cohort and once for all: grouping sets would do the same, but sum up
    -- every experiment for whoever asks for one.
    cross join lateral (values (h.cohort), (null)) as own (cohort)
    group by h.experiment, h.position, h.arm, own.cohort, h.control, h.document
)

select
    s.experiment::text as experiment,
    s.position,
    s.cohort,
    s.arm,
    s.document -> 'arms' ->> s.arm as arm_id,
    s.document ->> 'control' as control,
    coalesce(s.control = s.arm, false) as is_control,
    s.n,
    s.r,
    s.r2,
    s.ip,
    s.ip2,
    s.r_ip,
    s.r_ip2,
    s.r2_ip2,
    s.own_ip,
    s.own_ip2,
    s.own_r_ip,
    s.own_r_ip2,
    s.own_r2_ip2,
    s.ref_ip,
    s.ref_ip2,
    s.ref_r_ip,
    s.ref_r_ip2,
    s.ref_r2_ip2
from sums as s;

comment on view allot.arm_sums is
'Sums of every arm over the batches that count now, by cohort and over all of them together.';
comment on column allot.arm_sums.experiment is 'Slug of the experiment.';
comment on column allot.arm_sums.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.arm_sums.cohort is
'Declared context cell; * where none fits; null: all of them together.';
comment on column allot.arm_sums.arm is 'Index of the arm, from 0.';
comment on column allot.arm_sums.arm_id is 'Name of the arm.';
comment on column allot.arm_sums.control is
'Arm against which others are held; null where none is declared: then against the uniform policy.';
comment on column allot.arm_sums.is_control is 'Whether it is that arm.';
comment on column allot.arm_sums.n is 'Observations of the arm.';
comment on column allot.arm_sums.r is 'Σ r, r the reward.';
comment on column allot.arm_sums.r2 is 'Σ r².';
comment on column allot.arm_sums.ip is 'Σ 1/p, p the logged propensity.';
comment on column allot.arm_sums.ip2 is 'Σ 1/p².';
comment on column allot.arm_sums.r_ip is 'Σ r/p.';
comment on column allot.arm_sums.r_ip2 is 'Σ r/p².';
comment on column allot.arm_sums.r2_ip2 is 'Σ r²/p².';
comment on column allot.arm_sums.own_ip is
'Σ 1/p over the batches that showed what it is held against as well; null where none did.';
comment on column allot.arm_sums.own_ip2 is 'Σ 1/p², likewise.';
comment on column allot.arm_sums.own_r_ip is 'Σ r/p, likewise.';
comment on column allot.arm_sums.own_r_ip2 is 'Σ r/p², likewise.';
comment on column allot.arm_sums.own_r2_ip2 is 'Σ r²/p², likewise.';
comment on column allot.arm_sums.ref_ip is
'Σ 1/p of what it is held against, over the batches that showed both; null where none did.';
comment on column allot.arm_sums.ref_ip2 is 'Σ 1/p², likewise.';
comment on column allot.arm_sums.ref_r_ip is 'Σ r/p, likewise.';
comment on column allot.arm_sums.ref_r_ip2 is 'Σ r/p², likewise.';
comment on column allot.arm_sums.ref_r2_ip2 is 'Σ r²/p², likewise.';
