-- Belief about every arm behind every version.
create view allot.posterior_snapshots as
select
    p.experiment::text as experiment,
    p.version,
    w.batch_id::text as batch_id,
    w.published_at,
    p.cell,
    p.slot as position,
    p.arm,
    p.arm_id::text as arm_id,
    p.n as observations,
    p.sum_r as rewards,
    p.family,
    p.parameters,
    p.mean,
    p.sd,
    a.best_probability
from allot.posterior_snapshot as p
inner join allot.weights_snapshot as w on p.experiment = w.experiment and p.version = w.version
left join allot.allocation as a
    on
        p.experiment = a.experiment
        and p.version = a.version
        and p.cell = a.cell
        and p.slot = a.slot
        and p.arm = a.arm;

comment on view allot.posterior_snapshots is
'Belief about every arm behind every weights version.';
comment on column allot.posterior_snapshots.experiment is 'Slug of the experiment.';
comment on column allot.posterior_snapshots.version is
'Weights version that this belief led to.';
comment on column allot.posterior_snapshots.batch_id is 'Newest batch folded in.';
comment on column allot.posterior_snapshots.published_at is
'When the version was published (UTC).';
comment on column allot.posterior_snapshots.cell is
'Context cell; * where all contexts share one.';
comment on column allot.posterior_snapshots.position is 'Slot in the slate, from 0.';
comment on column allot.posterior_snapshots.arm is 'Index of the arm, from 0.';
comment on column allot.posterior_snapshots.arm_id is 'Name of the arm.';
comment on column allot.posterior_snapshots.observations is
'Observations folded in; fractional under a discount.';
comment on column allot.posterior_snapshots.rewards is 'Sum of the rewards folded in.';
comment on column allot.posterior_snapshots.family is 'Distribution: beta, normal, …';
comment on column allot.posterior_snapshots.parameters is 'Its parameters by name.';
comment on column allot.posterior_snapshots.mean is 'Posterior mean of the reward.';
comment on column allot.posterior_snapshots.sd is 'Posterior standard deviation.';
comment on column allot.posterior_snapshots.best_probability is
'P(arm is best): a description, not a test.';
