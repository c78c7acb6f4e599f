-- What every guardrail said of every batch, and what followed.
create view allot.guardrails as
select
    c.experiment::text as experiment,
    c.batch_id::text as batch_id,
    c.number,
    not exists (
        select 1 from allot.guardrail_check as later
        where
            later.experiment = c.experiment
            and later.batch_id = c.batch_id
            and later.number > c.number
    ) as newest,
    c.checked_at,
    c.action,
    c.promotable,
    r.guardrail::text as guardrail,
    r.state,
    r.value,
    r.fails_beyond,
    r.critical,
    r.api_wide,
    r.explanation,
    c.weights_version,
    c.dag_run
from allot.guardrail_check as c
inner join allot.guardrail_result as r
    on c.experiment = r.experiment and c.batch_id = r.batch_id and c.number = r.number;

comment on view allot.guardrails is
'What every guardrail said of a batch before it could move a weight, and what followed.';
comment on column allot.guardrails.experiment is 'Slug of the experiment.';
comment on column allot.guardrails.batch_id is 'Batch that was judged.';
comment on column allot.guardrails.number is 'Judgement of this batch, counted from 1.';
comment on column allot.guardrails.newest is 'Whether no later judgement of this batch exists.';
comment on column allot.guardrails.checked_at is 'When it was judged (UTC).';
comment on column allot.guardrails.action is
'What all together asked for: proceed, hold (the batch moves no weight) or roll_back.';
comment on column allot.guardrails.promotable is
'Whether a challenger could be promoted: nothing failed, nothing unknown.';
comment on column allot.guardrails.guardrail is 'Which guardrail.';
comment on column allot.guardrails.state is 'pass, warn, fail or unknown.';
comment on column allot.guardrails.value is 'What was found; null where nothing could be.';
comment on column allot.guardrails.fails_beyond is
'Declared limit; null where there is no single one.';
comment on column allot.guardrails.critical is 'Whether its fail rolls back alone.';
comment on column allot.guardrails.api_wide is
'Whether it judges the API as a whole, and so never rolls back.';
comment on column allot.guardrails.explanation is 'The answer in a sentence, with its numbers.';
comment on column allot.guardrails.weights_version is 'Weights version that was live then.';
comment on column allot.guardrails.dag_run is 'Run that judged.';
