-- Sample-ratio mismatch, version by version, newest judgement of every experiment.
create view allot.srm as
select
    r.experiment::text as experiment,
    r.position,
    r.step,
    r.look_batch::text as batch_id,
    r.version::text as version,
    r.cell,
    r.units,
    r.p_value,
    r.mismatch,
    r.arm::text as arm_id,
    r.excess,
    t.url as tracking_url
from allot.sample_ratio as r
inner join allot.newest_judgement as l
    on
        r.experiment = l.experiment
        and r.batch_id = l.batch_id
        and r.statistics_hash = l.statistics_hash
left join allot.tracking_run as t
    on
        r.experiment = t.experiment
        and r.batch_id = t.batch_id
        and r.statistics_hash = t.statistics_hash
        and t.kind = 'judgement';

comment on view allot.srm is
'Did units arrive as published? Sequential sample-ratio test, version by version.';
comment on column allot.srm.experiment is 'Slug of the experiment.';
comment on column allot.srm.position is 'Slot in the slate, from 0.';
comment on column allot.srm.step is 'Order of the evidence, from 1.';
comment on column allot.srm.batch_id is 'Batch in which the units were drawn.';
comment on column allot.srm.version is 'Weights version, or behavior policy.';
comment on column allot.srm.cell is 'Context cell; * where all share one.';
comment on column allot.srm.units is 'Units that were drawn in it, each once per version.';
comment on column allot.srm.p_value is
'Always-valid p-value of "as published" after this version; it never rises.';
comment on column allot.srm.mismatch is
'Whether it has fallen to 1 % or below: units did not arrive as published.';
comment on column allot.srm.arm_id is 'The arm that causes it; null without a mismatch.';
comment on column allot.srm.excess is 'Observed minus published share of that arm so far.';
comment on column allot.srm.tracking_url is 'MLflow run of the judgement.';
