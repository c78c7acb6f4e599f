-- The evaluation that reports show of every experiment.
create view allot.newest_evaluation as
select distinct on (e.experiment)
    e.experiment,
    e.batch_id,
    e.statistics_hash,
    e.weights_version,
    e.evaluated_at
from allot.evaluation as e
order by e.experiment asc, e.batch_id desc, e.evaluated_at desc;

comment on view allot.newest_evaluation is
'Names the newest evaluation of every experiment, which the evaluation views show.';
comment on column allot.newest_evaluation.experiment is 'Slug of the experiment.';
comment on column allot.newest_evaluation.batch_id is 'Newest batch that it read.';
comment on column allot.newest_evaluation.statistics_hash is
'Hash over the statistics of every log that it read.';
comment on column allot.newest_evaluation.weights_version is
'Newest weights version that it judged; null before the first.';
comment on column allot.newest_evaluation.evaluated_at is 'When (UTC).';
