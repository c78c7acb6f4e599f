-- Every version's shares, and why they are what they are.
create view allot.allocation_history as
select
    a.experiment::text as experiment,
    a.version,
    w.batch_id::text as batch_id,
    w.published_at,
    e.reason,
    e.held,
    a.cell,
    a.slot as position,
    a.arm,
    a.arm_id::text as arm_id,
    a.share,
    a.buckets,
    (a.buckets - a.live_buckets) / 10000.0::double precision as shift,
    a.best_probability,
    a.proposed as proposed_share,
    (
        select string_agg(step.value ->> 'limit', ', ' order by step.place)
        from jsonb_array_elements(a.limits) with ordinality as step (value, place)
    ) as limits_applied,
    a.limits,
    s.share as challenger_share,
    e.explanation
from allot.allocation as a
inner join allot.weights_snapshot as w on a.experiment = w.experiment and a.version = w.version
inner join allot.allocation_event as e on a.experiment = e.experiment and a.version = e.version
left join allot.shadow_allocation as s on a.experiment = s.experiment and a.version = s.version;

comment on view allot.allocation_history is
'Every published share with its reasons: policy''s proposal, each limit, the final buckets.';
comment on column allot.allocation_history.experiment is 'Slug of the experiment.';
comment on column allot.allocation_history.version is 'Weights version.';
comment on column allot.allocation_history.batch_id is
'Newest batch folded in; null for version 0.';
comment on column allot.allocation_history.published_at is 'When it was published (UTC).';
comment on column allot.allocation_history.reason is
'Why there is this version: created, batch, restatement, revision, rollback, ramp.';
comment on column allot.allocation_history.held is
'Whether hold rule or burn-in kept the live shares.';
comment on column allot.allocation_history.cell is
'Context cell; * where all contexts share one.';
comment on column allot.allocation_history.position is 'Slot in the slate, from 0.';
comment on column allot.allocation_history.arm is 'Index of the arm, from 0.';
comment on column allot.allocation_history.arm_id is 'Name of the arm.';
comment on column allot.allocation_history.share is
'Buckets / 10,000: the propensity of a decision.';
comment on column allot.allocation_history.buckets is 'Buckets of 10,000.';
comment on column allot.allocation_history.shift is
'Share minus that of the version before; null for a new arm.';
comment on column allot.allocation_history.best_probability is
'P(arm is best): a description, not a test; null where the policy has none.';
comment on column allot.allocation_history.proposed_share is 'What the policy asked for.';
comment on column allot.allocation_history.limits_applied is 'Names of the limits, in order.';
comment on column allot.allocation_history.limits is 'What each limit did, as JSON.';
comment on column allot.allocation_history.challenger_share is
'Part of the version that follows the challenger: 0 in the shadow, null without a challenger.';
comment on column allot.allocation_history.explanation is 'The decision in a sentence.';
