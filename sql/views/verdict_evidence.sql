-- What an experiment may say, with everything that stands beside it: newest judgement, newest look.
create view allot.verdict_evidence as
select
    s.experiment::text as experiment,
    s.position,
    case
        when v.winner is not null and v.winner_blocked then 'contradicted: ' || v.winner
        when v.winner is not null then 'ship: ' || v.winner
        when v.known_arms = 0 then 'unknown'
        else 'no winner yet'
    end as verdict,
    v.winner::text as winner,
    v.p_value as verdict_p_value,
    v.reason as verdict_reason,
    s.family,
    s.arm::text as arm_id,
    s.against::text as against,
    s.answer,
    s.reason,
    s.estimate,
    s.lo,
    s.hi,
    s.equal_estimate,
    s.equal_lo,
    s.equal_hi,
    s.disagreement,
    s.p_value,
    n.reference,
    n.estimate as naive_estimate,
    n.lo as naive_lo,
    n.hi as naive_hi,
    o.estimate as bols_estimate,
    o.lo as bols_lo,
    o.hi as bols_hi,
    w.estimate as aw_aipw_estimate,
    w.lo as aw_aipw_lo,
    w.hi as aw_aipw_hi,
    b.best_probability,
    b.expected_loss,
    v.leader::text as leader,
    v.potential_value_remaining,
    v.looks,
    v.units,
    s.batch_id::text as batch_id,
    1 - l.alpha as level,
    t.url as tracking_url
from allot.confidence_sequence as s
inner join allot.newest_judgement as l
    on
        s.experiment = l.experiment
        and s.batch_id = l.batch_id
        and s.statistics_hash = l.statistics_hash
inner join allot.verdict as v
    on
        s.experiment = v.experiment
        and s.batch_id = v.batch_id
        and s.statistics_hash = v.statistics_hash
        and s.position = v.position
        and s.look = v.looks
left join allot.arm_belief as b
    on
        s.experiment = b.experiment
        and s.batch_id = b.batch_id
        and s.statistics_hash = b.statistics_hash
        and s.position = b.position
        and s.arm = b.arm
        and b.cell = '*'
left join allot.fixed_time_interval as n
    on
        s.experiment = n.experiment
        and s.batch_id = n.batch_id
        and s.statistics_hash = n.statistics_hash
        and s.position = n.position
        and s.arm = n.arm
        and n.method = 'naive'
left join allot.fixed_time_interval as o
    on
        s.experiment = o.experiment
        and s.batch_id = o.batch_id
        and s.statistics_hash = o.statistics_hash
        and s.position = o.position
        and s.arm = o.arm
        and o.method = 'bols'
left join allot.fixed_time_interval as w
    on
        s.experiment = w.experiment
        and s.batch_id = w.batch_id
        and s.statistics_hash = w.statistics_hash
        and s.position = w.position
        and s.arm = w.arm
        and w.method = 'aw_aipw'
left join allot.tracking_run as t
    on
        s.experiment = t.experiment
        and s.batch_id = t.batch_id
        and s.statistics_hash = t.statistics_hash
        and t.kind = 'judgement';

comment on view allot.verdict_evidence is
'What an experiment may say today: the verdict, its sequences, and labelled beside them the rest.';
comment on column allot.verdict_evidence.experiment is 'Slug of the experiment.';
comment on column allot.verdict_evidence.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.verdict_evidence.verdict is
'What may be said: ship an arm, no winner yet, unknown, or a contradicted winner.';
comment on column allot.verdict_evidence.winner is
'Arm declared best of all; null while there is none.';
comment on column allot.verdict_evidence.verdict_p_value is 'Always-valid p-value of the position.';
comment on column allot.verdict_evidence.verdict_reason is 'Why no winner is declared, in words.';
comment on column allot.verdict_evidence.family is
'control: arm minus control; best: arm minus the best of the other arms.';
comment on column allot.verdict_evidence.arm_id is 'Name of the arm.';
comment on column allot.verdict_evidence.against is
'The control; null where the arm meets all others.';
comment on column allot.verdict_evidence.answer is
'better, worse, undecided or unknown, at the newest look.';
comment on column allot.verdict_evidence.reason is 'Why it is unknown; empty where it is known.';
comment on column allot.verdict_evidence.estimate is
'Effect, batches weighted by predictable precision.';
comment on column allot.verdict_evidence.lo is
'Lower end, valid at all looks at once; null while unbounded.';
comment on column allot.verdict_evidence.hi is
'Upper end; null while unbounded, and against the best of the rest.';
comment on column allot.verdict_evidence.equal_estimate is
'Effect, every observation counted the same.';
comment on column allot.verdict_evidence.equal_lo is 'Its lower end; null while unbounded.';
comment on column allot.verdict_evidence.equal_hi is 'Its upper end, likewise.';
comment on column allot.verdict_evidence.disagreement is
'Whether both estimates differ by more than noise: then nothing ships.';
comment on column allot.verdict_evidence.p_value is
'Always-valid p-value: of this arm alone against the control; over all arms against the rest.';
comment on column allot.verdict_evidence.reference is
'What the next three are compared with: control, or leader (picked on the same data).';
comment on column allot.verdict_evidence.naive_estimate is
'Naive difference of means: biased under a bandit, wrong when looked at daily.';
comment on column allot.verdict_evidence.naive_lo is 'Lower end of its normal interval, one look.';
comment on column allot.verdict_evidence.naive_hi is 'Upper end of its normal interval, one look.';
comment on column allot.verdict_evidence.bols_estimate is
'Batched least squares, one look fixed beforehand.';
comment on column allot.verdict_evidence.bols_lo is 'Lower end, one look.';
comment on column allot.verdict_evidence.bols_hi is 'Upper end, one look.';
comment on column allot.verdict_evidence.aw_aipw_estimate is
'Adaptively weighted AIPW, one look fixed beforehand.';
comment on column allot.verdict_evidence.aw_aipw_lo is 'Lower end, one look.';
comment on column allot.verdict_evidence.aw_aipw_hi is 'Upper end, one look.';
comment on column allot.verdict_evidence.best_probability is
'P(arm is best) over the closed batches: a description, not a test.';
comment on column allot.verdict_evidence.expected_loss is
'What always playing the arm is expected to give up per decision.';
comment on column allot.verdict_evidence.leader is 'Arm with the largest P(best).';
comment on column allot.verdict_evidence.potential_value_remaining is
'What a switch from the leader might still gain per decision, with 95 % belief.';
comment on column allot.verdict_evidence.looks is 'Closed batches so far.';
comment on column allot.verdict_evidence.units is 'Observations behind it.';
comment on column allot.verdict_evidence.batch_id is 'Newest closed batch.';
comment on column allot.verdict_evidence.level is
'1 − α: the intervals of all arms hold at all looks with this chance.';
comment on column allot.verdict_evidence.tracking_url is 'MLflow run of the judgement.';
