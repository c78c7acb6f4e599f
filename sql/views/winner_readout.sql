-- What the winner is worth without the winner's curse, newest judgement of every experiment.
create view allot.winner_readout as
select
    r.experiment::text as experiment,
    r.position,
    r.arm::text as arm_id,
    r.against::text as against,
    r.picked,
    r.basis,
    r.estimate,
    r.lo,
    r.hi,
    r.naive_estimate,
    r.batch_id::text as batch_id,
    1 - l.alpha as level,
    t.url as tracking_url
from allot.readout as r
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

comment on view allot.winner_readout is
'What the winner, or the leader so far, is worth, allowing for its having been picked.';
comment on column allot.winner_readout.experiment is 'Slug of the experiment.';
comment on column allot.winner_readout.position is 'Slot in the slate, from 0.';
comment on column allot.winner_readout.arm_id is 'The picked arm.';
comment on column allot.winner_readout.against is
'The control; where there is none, every other arm in turn.';
comment on column allot.winner_readout.picked is
'winner, as declared; leader: the largest P(best), where no winner is declared.';
comment on column allot.winner_readout.basis is
'sequence: holds at all looks; uniform log: every row drawn uniformly, one look fixed beforehand.';
comment on column allot.winner_readout.estimate is 'Its effect.';
comment on column allot.winner_readout.lo is
'Lower end, for whichever arm is picked; null while unbounded.';
comment on column allot.winner_readout.hi is 'Upper end, likewise.';
comment on column allot.winner_readout.naive_estimate is
'Difference of plain means, which flatters what was picked for them.';
comment on column allot.winner_readout.batch_id is 'Newest closed batch that was read.';
comment on column allot.winner_readout.level is '1 − α: over all arms that could be picked.';
comment on column allot.winner_readout.tracking_url is 'MLflow run of the judgement.';
