-- What a judgement says of declared metrics: values, effects against the control, intervals.

create table allot.metric_effect (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    metric allot.name not null,
    arm allot.name not null,
    method text not null check (method in ('mean', 'cuped', 'ratio')),
    cap double precision check (cap > 0),
    higher_is_better boolean not null,
    observations bigint not null check (observations >= 0),
    capped bigint not null check (capped between 0 and observations),
    effective double precision not null check (effective >= 0),
    value double precision,
    standard_error double precision check (standard_error >= 0),
    against allot.name,
    answer text not null
    check (answer in ('better', 'worse', 'undecided', 'unknown', 'none')),
    reason text not null,
    estimate double precision,
    lo double precision,
    hi double precision,
    p_value double precision check (p_value between 0 and 1),
    fixed_estimate double precision,
    fixed_lo double precision,
    fixed_hi double precision,
    variance_reduction double precision check (variance_reduction <= 1),
    primary key (experiment, batch_id, statistics_hash, position, metric, arm),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi and fixed_lo <= fixed_hi),
    constraint unknown_has_a_reason check (answer <> 'unknown' or reason <> ''),
    constraint nobody_meets_itself check (against <> arm)
);

comment on table allot.metric_effect is
'Declared metrics by arm: value, and effect against the control at one look and at all looks.';
comment on column allot.metric_effect.experiment is 'Slug of the experiment.';
comment on column allot.metric_effect.batch_id is 'Newest closed batch that was read.';
comment on column allot.metric_effect.statistics_hash is 'Names what the judgement read.';
comment on column allot.metric_effect.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.metric_effect.metric is 'Name of the declared metric.';
comment on column allot.metric_effect.arm is 'The arm.';
comment on column allot.metric_effect.method is
'mean; cuped: adjusted by a covariate; ratio: of two sums, by the delta method.';
comment on column allot.metric_effect.cap is 'Declared cap; null where there is none.';
comment on column allot.metric_effect.higher_is_better is 'As declared.';
comment on column allot.metric_effect.observations is 'Units that were drawn, over all batches.';
comment on column allot.metric_effect.capped is 'How many of them the cap changed.';
comment on column allot.metric_effect.effective is
'(Σ|y|)² / Σy²: a few values that outweigh all others count as few.';
comment on column allot.metric_effect.value is
'Σ(y/p) / Σ(1/p), of a ratio Σ(y/p) / Σ(x/p); null where nothing is known.';
comment on column allot.metric_effect.standard_error is 'Of the value, by the delta method.';
comment on column allot.metric_effect.against is
'The control; null for the control itself, and without one.';
comment on column allot.metric_effect.answer is
'better, worse, undecided or unknown at all looks; none where there is nothing to compare with.';
comment on column allot.metric_effect.reason is 'Why it is unknown, or cannot be compared.';
comment on column allot.metric_effect.estimate is
'Effect by the confidence sequence; null while it is unbounded.';
comment on column allot.metric_effect.lo is
'Lower end at all looks and arms at once; null while unbounded.';
comment on column allot.metric_effect.hi is 'Upper end, likewise.';
comment on column allot.metric_effect.p_value is 'Always-valid p-value of this arm alone.';
comment on column allot.metric_effect.fixed_estimate is
'Effect from all batches together, for one look fixed beforehand; null where unknown.';
comment on column allot.metric_effect.fixed_lo is 'Its lower end: wrong when looked at daily.';
comment on column allot.metric_effect.fixed_hi is 'Its upper end, likewise.';
comment on column allot.metric_effect.variance_reduction is
'Part of the variance of fixed_estimate that the covariate took away; null without one.';
