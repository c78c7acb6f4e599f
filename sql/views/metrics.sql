-- Declared metrics by arm, newest judgement of every experiment.
create view allot.metrics as
select
    m.experiment::text as experiment,
    m.position,
    m.metric::text as metric,
    m.arm::text as arm_id,
    m.method,
    m.cap,
    m.higher_is_better,
    m.observations,
    m.capped,
    m.effective,
    m.value,
    m.standard_error,
    m.against::text as against,
    m.answer,
    m.reason,
    m.estimate,
    m.lo,
    m.hi,
    m.p_value,
    m.fixed_estimate,
    m.fixed_lo,
    m.fixed_hi,
    m.variance_reduction,
    m.batch_id::text as batch_id,
    1 - l.alpha as level,
    t.url as tracking_url
from allot.metric_effect as m
inner join allot.newest_judgement as l
    on
        m.experiment = l.experiment
        and m.batch_id = l.batch_id
        and m.statistics_hash = l.statistics_hash
left join allot.tracking_run as t
    on
        m.experiment = t.experiment
        and m.batch_id = t.batch_id
        and m.statistics_hash = t.statistics_hash
        and t.kind = 'judgement';

comment on view allot.metrics is
'Declared metrics by arm: value, and effect against the control at one look and at all looks.';
comment on column allot.metrics.experiment is 'Slug of the experiment.';
comment on column allot.metrics.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.metrics.metric is 'Name of the declared metric.';
comment on column allot.metrics.arm_id is 'The arm.';
comment on column allot.metrics.method is
'mean; cuped: adjusted by a covariate; ratio: of two sums, by the delta method.';
comment on column allot.metrics.cap is
'A unit''s larger values count as this: the claim is on the capped metric; null without.';
comment on column allot.metrics.higher_is_better is 'As declared.';
comment on column allot.metrics.observations is 'Units that were drawn, over all batches.';
comment on column allot.metrics.capped is 'How many of them the cap changed.';
comment on column allot.metrics.effective is
'Effective observations, (Σ|y|)² / Σy²: a few values that outweigh all others count as few.';
comment on column allot.metrics.value is
'Σ(y/p) / Σ(1/p), of a ratio Σ(y/p) / Σ(x/p); null where nothing is known.';
comment on column allot.metrics.standard_error is 'Of the value, by the delta method over units.';
comment on column allot.metrics.against is
'The control; null for the control itself, and without one.';
comment on column allot.metrics.answer is
'better, worse, undecided or unknown, by the sequence; none where nothing is compared.';
comment on column allot.metrics.reason is 'Why it is unknown, or cannot be compared.';
comment on column allot.metrics.estimate is
'Effect by the confidence sequence; null while it is unbounded.';
comment on column allot.metrics.lo is
'Lower end: holds at all looks and arms of the metric at once; null while unbounded.';
comment on column allot.metrics.hi is 'Upper end, likewise.';
comment on column allot.metrics.p_value is 'Always-valid p-value of this arm alone.';
comment on column allot.metrics.fixed_estimate is
'Effect from all batches together, for one look fixed beforehand; null where unknown.';
comment on column allot.metrics.fixed_lo is 'Its lower end: wrong when looked at daily.';
comment on column allot.metrics.fixed_hi is 'Its upper end, likewise.';
comment on column allot.metrics.variance_reduction is
'Part of the variance of fixed_estimate that the covariate took away; null without one.';
comment on column allot.metrics.batch_id is 'Newest closed batch that was read.';
comment on column allot.metrics.level is '1 − α, of every metric and position on its own.';
comment on column allot.metrics.tracking_url is 'MLflow run of the judgement.';
