-- Confidence sequences, look by look, newest judgement of every experiment.
create view allot.confidence_sequences as
with sequences as (
    select
        a.experiment,
        a.batch_id,
        a.statistics_hash,
        a.position,
        a.family,
        'asymptotic' as method,
        a.arm,
        a.look,
        a.look_batch,
        a.against,
        a.answer,
        a.known,
        a.reason,
        a.estimate,
        a.lo,
        a.hi,
        a.equal_estimate,
        a.equal_lo,
        a.equal_hi,
        a.disagreement,
        a.p_value
    from allot.confidence_sequence as a
    union all
    select
        e.experiment,
        e.batch_id,
        e.statistics_hash,
        e.position,
        e.family,
        e.method,
        e.arm,
        e.look,
        e.look_batch,
        e.against,
        null as answer,
        null as known,
        null as reason,
        null as estimate,
        e.lo,
        e.hi,
        null as equal_estimate,
        null as equal_lo,
        null as equal_hi,
        null as disagreement,
        null as p_value
    from allot.exact_sequence as e
)

select
    s.experiment::text as experiment,
    s.position,
    s.family,
    s.method,
    s.arm::text as arm_id,
    s.against::text as against,
    s.look,
    s.look_batch::text as batch_id,
    s.answer,
    s.known,
    s.reason,
    s.estimate,
    s.lo,
    s.hi,
    s.equal_estimate,
    s.equal_lo,
    s.equal_hi,
    s.disagreement,
    s.p_value,
    1 - l.alpha as level,
    t.url as tracking_url
from sequences as s
inner join allot.newest_judgement as l
    on
        s.experiment = l.experiment
        and s.batch_id = l.batch_id
        and s.statistics_hash = l.statistics_hash
left join allot.tracking_run as t
    on
        s.experiment = t.experiment
        and s.batch_id = t.batch_id
        and s.statistics_hash = t.statistics_hash
        and t.kind = 'judgement';

comment on view allot.confidence_sequences is
'Every arm against the control and the best of the rest, at every look: valid under peeking.';
comment on column allot.confidence_sequences.experiment is 'Slug of the experiment.';
comment on column allot.confidence_sequences.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.confidence_sequences.family is
'control: arm minus control; best: arm minus the best of the other arms.';
comment on column allot.confidence_sequences.method is
'asymptotic: gives the verdict; betting, empirical-bernstein: need no approximation, ends only.';
comment on column allot.confidence_sequences.arm_id is 'Name of the arm.';
comment on column allot.confidence_sequences.against is
'The control; null where the arm meets all others.';
comment on column allot.confidence_sequences.look is
'Number of the look, from 1: one per closed batch.';
comment on column allot.confidence_sequences.batch_id is 'Newest batch known at that look.';
comment on column allot.confidence_sequences.answer is 'better, worse, undecided or unknown.';
comment on column allot.confidence_sequences.known is 'Whether the assumptions hold at that look.';
comment on column allot.confidence_sequences.reason is
'Why it is unknown; empty where it is known.';
comment on column allot.confidence_sequences.estimate is
'Effect, batches weighted by predictable precision.';
comment on column allot.confidence_sequences.lo is
'Lower end, valid at all looks at once; null while unbounded.';
comment on column allot.confidence_sequences.hi is
'Upper end; null while unbounded, and against the best of the rest.';
comment on column allot.confidence_sequences.equal_estimate is
'Effect, every observation counted the same.';
comment on column allot.confidence_sequences.equal_lo is 'Its lower end; null while unbounded.';
comment on column allot.confidence_sequences.equal_hi is 'Its upper end, likewise.';
comment on column allot.confidence_sequences.disagreement is
'Whether both estimates differ by more than noise: then nothing ships.';
comment on column allot.confidence_sequences.p_value is
'Always-valid p-value: of this arm alone against the control; over all arms against the rest.';
comment on column allot.confidence_sequences.level is
'1 − α: the intervals of all arms hold at all looks with this chance.';
comment on column allot.confidence_sequences.tracking_url is 'MLflow run of the judgement.';
