-- How each arm did: the naive mean beside the one corrected for who was shown what.
create view allot.arm_performance as
with means as (
    select
        *,
        r / n as naive_mean,
        sqrt(greatest(r2 / n - (r / n) ^ 2, 0) / n) as naive_se,
        r_ip / ip as corrected_mean,
        sqrt(greatest(r2_ip2 - 2 * r_ip / ip * r_ip2 + (r_ip / ip) ^ 2 * ip2, 0)) / ip
            as corrected_se
    from allot.arm_sums
    where cohort is null
)

select
    m.experiment,
    m.position,
    m.arm,
    m.arm_id,
    m.n::bigint as observations,
    m.r as rewards,
    m.naive_mean,
    m.naive_mean - 1.959964 * m.naive_se as naive_lo,
    m.naive_mean + 1.959964 * m.naive_se as naive_hi,
    m.corrected_mean,
    m.corrected_mean - 1.959964 * m.corrected_se as corrected_lo,
    m.corrected_mean + 1.959964 * m.corrected_se as corrected_hi,
    p.mean as posterior_mean,
    p.sd as posterior_sd,
    a.best_probability,
    a.share as live_share,
    h.version as weights_version
from means as m
left join lateral (
    select ws.version
    from allot.weights_snapshot as ws
    where ws.experiment = m.experiment
    order by ws.version desc
    limit 1
) as h on true
left join allot.posterior_snapshot as p
    on
        m.experiment = p.experiment
        and h.version = p.version
        and p.cell = '*'
        and m.position = p.slot
        and m.arm = p.arm
left join allot.allocation as a
    on
        m.experiment = a.experiment
        and h.version = a.version
        and a.cell = '*'
        and m.position = a.slot
        and m.arm = a.arm;

comment on view allot.arm_performance is
'How each arm did per position, over all batches and versions: naive and corrected side by side.';
comment on column allot.arm_performance.experiment is 'Slug of the experiment.';
comment on column allot.arm_performance.position is
'Slot in the slate, from 0; never pooled.';
comment on column allot.arm_performance.arm is 'Index of the arm, from 0.';
comment on column allot.arm_performance.arm_id is 'Name of the arm.';
comment on column allot.arm_performance.observations is 'Logged observations of the arm.';
comment on column allot.arm_performance.rewards is 'Sum of its rewards.';
comment on column allot.arm_performance.naive_mean is
'Rewards / observations: biased where shares moved with what was seen.';
comment on column allot.arm_performance.naive_lo is
'Lower end of its normal 95 % interval, one look.';
comment on column allot.arm_performance.naive_hi is
'Upper end of its normal 95 % interval, one look.';
comment on column allot.arm_performance.corrected_mean is
'Σ(r/p) / Σ(1/p): every observation weighted by 1 / its propensity.';
comment on column allot.arm_performance.corrected_lo is
'Lower end of its normal 95 % interval, one look; verdicts come from confidence sequences.';
comment on column allot.arm_performance.corrected_hi is
'Upper end of its normal 95 % interval, one look; verdicts come from confidence sequences.';
comment on column allot.arm_performance.posterior_mean is
'Posterior mean behind the live weights; null before the first batch or by cohort.';
comment on column allot.arm_performance.posterior_sd is
'Posterior standard deviation, likewise.';
comment on column allot.arm_performance.best_probability is
'P(arm is best) behind the live weights: a description, not a test.';
comment on column allot.arm_performance.live_share is
'Share of decisions in the live version.';
comment on column allot.arm_performance.weights_version is 'The live weights version.';
