-- What every challenger is worth, where it stands, and why: a row per decision and position.
create view allot.gates as
select
    d.experiment::text as experiment,
    d.number,
    d.number = max(d.number) over (partition by d.experiment::text) as newest,
    d.decided_at,
    d.since,
    d.challenger ->> 'name' as challenger,
    d.challenger -> 'params' as challenger_params,
    d.state,
    d.step,
    d.share,
    d.verdict,
    d.explanation,
    d.margin,
    g.position,
    g.verdict as position_verdict,
    g.reason as position_reason,
    g.lower,
    g.estimate,
    g.upper,
    g.batches,
    g.observations,
    g.effective_sample_size,
    g.mean_weight,
    g.support,
    g.changed,
    d.batch_id::text as batch_id,
    d.weights_version,
    d.decided_by
from allot.gate_decision as d
left join allot.gate_difference as g on d.experiment = g.experiment and d.number = g.number;

comment on view allot.gates is
'Every decision on a challenger: its state, its share of traffic, and the evidence, in numbers.';
comment on column allot.gates.experiment is 'Slug of the experiment.';
comment on column allot.gates.number is 'Decision, counted from 1.';
comment on column allot.gates.newest is 'Whether no later decision of this experiment exists.';
comment on column allot.gates.decided_at is 'When (UTC).';
comment on column allot.gates.since is
'Revision with which this challenger stood against this incumbent first; evidence begins there.';
comment on column allot.gates.challenger is 'Policy of the challenger.';
comment on column allot.gates.challenger_params is 'Its parameters.';
comment on column allot.gates.state is
'shadow (no traffic), ramp (a share of it), promoted (its policy is in force) or rejected.';
comment on column allot.gates.step is 'Step of the ramp, from 0; null off the ramp.';
comment on column allot.gates.share is 'λ: its share of traffic from the next version on.';
comment on column allot.gates.verdict is
'pass, wait, fail or unknown, over all positions; null where a roll-back decided.';
comment on column allot.gates.explanation is 'Why, in words and numbers.';
comment on column allot.gates.margin is
'Declared largest loss of value: the lower end must exceed its negative.';
comment on column allot.gates.position is 'Position in the slate, from 0; null after a roll-back.';
comment on column allot.gates.position_verdict is 'The verdict of this position.';
comment on column allot.gates.position_reason is 'Why.';
comment on column allot.gates.lower is
'Lower end of value(challenger) − value(incumbent) per observation, valid at all looks; null '
'before there is one.';
comment on column allot.gates.estimate is 'Estimate of the difference.';
comment on column allot.gates.upper is 'Upper end.';
comment on column allot.gates.batches is 'Batches under frozen shares of this challenger.';
comment on column allot.gates.observations is 'Observations in them.';
comment on column allot.gates.effective_sample_size is '(Σw)² / Σw² of the challenger''s weights.';
comment on column allot.gates.mean_weight is
'Mean of these weights: 1 when propensities are right.';
comment on column allot.gates.support is
'Part of the challenger''s shares on arms that were drawn.';
comment on column allot.gates.changed is
'Observations that it would have decided otherwise, in expectation.';
comment on column allot.gates.batch_id is 'Newest closed batch then.';
comment on column allot.gates.weights_version is 'Weights version that was live then.';
comment on column allot.gates.decided_by is 'The run that decided, or whoever rolled back.';
