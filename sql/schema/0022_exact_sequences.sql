-- Sequences that hold at every count, and what the winner is worth.

create table allot.exact_sequence (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    family text not null check (family in ('control', 'best')),
    method text not null check (method in ('betting', 'empirical-bernstein')),
    arm allot.name not null,
    look integer not null check (look > 0),
    look_batch allot.batch_id not null,
    against allot.name,
    lo double precision not null,
    hi double precision,
    primary key (
        experiment, batch_id, statistics_hash, position, family, method, arm, look
    ),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint a_control_has_both_ends check ((family = 'control') = (against is not null))
);

comment on table allot.exact_sequence is
'Sequences that need no approximation at any count; a check on the one that gives the verdict.';
comment on column allot.exact_sequence.experiment is 'Slug of the experiment.';
comment on column allot.exact_sequence.batch_id is 'Newest closed batch that was read.';
comment on column allot.exact_sequence.statistics_hash is 'Names what the judgement read.';
comment on column allot.exact_sequence.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.exact_sequence.family is
'control: arm minus control; best: arm minus the best of the other arms.';
comment on column allot.exact_sequence.method is
'betting, for rewards of 0 or 1; empirical-bernstein, for bounded rewards.';
comment on column allot.exact_sequence.arm is 'The arm.';
comment on column allot.exact_sequence.look is 'Number of the look, from 1: one per batch.';
comment on column allot.exact_sequence.look_batch is 'Newest batch known at that look.';
comment on column allot.exact_sequence.against is
'The control; null where the arm meets all others.';
comment on column allot.exact_sequence.lo is 'Lower end, valid at all looks at once.';
comment on column allot.exact_sequence.hi is 'Upper end; null against the best of the rest.';

create table allot.readout (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    basis text not null check (basis in ('sequence', 'uniform log')),
    arm allot.name not null,
    against allot.name not null,
    picked text not null check (picked in ('winner', 'leader')),
    estimate double precision not null,
    lo double precision,
    hi double precision,
    naive_estimate double precision,
    primary key (experiment, batch_id, statistics_hash, position, basis, arm, against),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi)
);

comment on table allot.readout is
'What the winner (or the leader so far) is worth, allowing for its having been picked.';
comment on column allot.readout.experiment is 'Slug of the experiment.';
comment on column allot.readout.batch_id is 'Newest closed batch that was read.';
comment on column allot.readout.statistics_hash is 'Names what the judgement read.';
comment on column allot.readout.position is 'Slot in the slate, from 0.';
comment on column allot.readout.basis is
'sequence: holds at all looks; uniform log: every row drawn uniformly, one look fixed beforehand.';
comment on column allot.readout.arm is 'The picked arm.';
comment on column allot.readout.against is 'The control, or another arm where there is none.';
comment on column allot.readout.picked is
'winner, as declared; leader: the largest P(best), where no winner is declared.';
comment on column allot.readout.estimate is 'Its effect.';
comment on column allot.readout.lo is
'Lower end for whichever arm is picked; null while unbounded.';
comment on column allot.readout.hi is 'Upper end, likewise.';
comment on column allot.readout.naive_estimate is
'Difference of plain means, which flatters what was picked for them.';
