-- The judgement that other views show.
create view allot.newest_judgement as
select distinct on (j.experiment)
    j.experiment,
    j.batch_id,
    j.statistics_hash,
    j.alpha,
    j.weights_version
from allot.judgement as j
order by j.experiment asc, j.batch_id desc, j.judged_at desc;

comment on view allot.newest_judgement is 'The judgement that the views show, per experiment.';
comment on column allot.newest_judgement.experiment is 'Slug of the experiment.';
comment on column allot.newest_judgement.batch_id is 'Newest closed batch that was read.';
comment on column allot.newest_judgement.statistics_hash is 'Names what the judgement read.';
comment on column allot.newest_judgement.alpha is 'Chance of a false winner per position.';
comment on column allot.newest_judgement.weights_version is 'Newest weights version at that time.';
