-- How each arm does in each cohort, and in all of them together.
create view allot.cohorts as
with means as (
    select
        *,
        r_ip / ip as mean,
        sqrt(greatest(r2_ip2 - 2 * r_ip / ip * r_ip2 + (r_ip / ip) ^ 2 * ip2, 0)) / ip as mean_se,
        own_r_ip / own_ip as own,
        ref_r_ip / ref_ip as held,
        (n / sum(n) over (partition by experiment, position, cohort))::double precision as share
    from allot.arm_sums
),

-- The uniform policy shares the arm's own rows with it, so their errors go together.
effects as (
    select
        *,
        case when not is_control then own - held end as effect,
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
    experiment,
    position,
    cohort,
    arm,
    arm_id,
    coalesce(control, 'uniform') as against,
    n::bigint as observations,
    r as rewards,
    share as observed_share,
    mean as corrected_mean,
    mean - 1.959964 * mean_se as corrected_lo,
    mean + 1.959964 * mean_se as corrected_hi,
    effect,
    effect - 1.959964 * effect_se as effect_lo,
    effect + 1.959964 * effect_se as effect_hi
from effects;

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
