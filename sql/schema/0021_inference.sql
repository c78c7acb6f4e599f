-- What an experiment may say. Rows belong to one judgement (experiment, batch, statistics hash); a
-- repeated judgement replaces its own rows and no others. Truth is the sums; these are reports.

create table allot.judgement (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    method text not null,
    alpha double precision not null check (alpha > 0 and alpha < 1),
    weights_version integer not null check (weights_version >= 0),
    code_revision text not null,
    dag_run text not null,
    judged_at timestamptz not null default now(),
    primary key (experiment, batch_id, statistics_hash)
);

comment on table allot.judgement is
'One row per judgement: which closed batches were read, and by which code.';
comment on column allot.judgement.experiment is 'Slug of the experiment.';
comment on column allot.judgement.batch_id is 'Newest closed batch that was read.';
comment on column allot.judgement.statistics_hash is
'Hash over the sums of every closed batch, the published shares, the declaration and the level.';
comment on column allot.judgement.method is 'Name and version of the judgement, as judgement/1.';
comment on column allot.judgement.alpha is
'Chance of a false winner over all looks and arms of one position.';
comment on column allot.judgement.weights_version is 'Newest weights version at that time.';
comment on column allot.judgement.code_revision is 'Revision of the code that computed it.';
comment on column allot.judgement.dag_run is 'Airflow run that computed it last.';
comment on column allot.judgement.judged_at is 'When it was computed last (UTC).';

create table allot.verdict (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    looks integer not null check (looks > 0),
    units bigint not null check (units >= 0),
    winner allot.name,
    winner_blocked boolean not null,
    p_value double precision not null check (p_value between 0 and 1),
    known_arms integer not null check (known_arms >= 0),
    reason text not null,
    leader allot.name not null,
    potential_value_remaining double precision check (potential_value_remaining >= 0),
    primary key (experiment, batch_id, statistics_hash, position),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade
);

comment on table allot.verdict is 'What a position of an experiment may say, at its newest look.';
comment on column allot.verdict.experiment is 'Slug of the experiment.';
comment on column allot.verdict.batch_id is 'Newest closed batch that was read.';
comment on column allot.verdict.statistics_hash is 'Names what the judgement read.';
comment on column allot.verdict.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.verdict.looks is
'Closed batches so far: looks that the error is spent over.';
comment on column allot.verdict.units is 'Observations behind it.';
comment on column allot.verdict.winner is 'Arm declared best of all; null while there is none.';
comment on column allot.verdict.winner_blocked is
'Whether the equal-weight sequence contradicts the winner: then it does not ship.';
comment on column allot.verdict.p_value is
'Always-valid p-value of the position: of its effects against the control, or of best of rest.';
comment on column allot.verdict.known_arms is 'Arms that can be judged against the rest.';
comment on column allot.verdict.reason is 'Why no winner is declared, in words.';
comment on column allot.verdict.leader is
'Arm with the largest P(best): a description, not a test.';
comment on column allot.verdict.potential_value_remaining is
'What a switch from the leader might still gain per decision, with 95 % belief: a description.';

create table allot.confidence_sequence (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    family text not null check (family in ('control', 'best')),
    arm allot.name not null,
    look integer not null check (look > 0),
    look_batch allot.batch_id not null,
    against allot.name,
    answer text not null check (answer in ('better', 'worse', 'undecided', 'unknown')),
    known boolean not null,
    reason text not null,
    estimate double precision not null,
    lo double precision,
    hi double precision,
    equal_estimate double precision not null,
    equal_lo double precision,
    equal_hi double precision,
    disagreement boolean not null,
    p_value double precision not null check (p_value between 0 and 1),
    primary key (experiment, batch_id, statistics_hash, position, family, arm, look),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi and equal_lo <= equal_hi),
    constraint unknown_has_a_reason check (known = (reason = ''))
);

comment on table allot.confidence_sequence is
'Every arm against the control and the best of the rest, at every look: valid under peeking.';
comment on column allot.confidence_sequence.experiment is 'Slug of the experiment.';
comment on column allot.confidence_sequence.batch_id is 'Newest closed batch that was read.';
comment on column allot.confidence_sequence.statistics_hash is 'Names what the judgement read.';
comment on column allot.confidence_sequence.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.confidence_sequence.family is
'control: arm minus control; best: arm minus the best of the other arms.';
comment on column allot.confidence_sequence.arm is 'The arm.';
comment on column allot.confidence_sequence.look is 'Number of the look, from 1: one per batch.';
comment on column allot.confidence_sequence.look_batch is 'Newest batch known at that look.';
comment on column allot.confidence_sequence.against is
'The control; null where the arm meets all others.';
comment on column allot.confidence_sequence.answer is 'better, worse, undecided or unknown.';
comment on column allot.confidence_sequence.known is 'Whether the assumptions hold at that look.';
comment on column allot.confidence_sequence.reason is 'Why it is unknown; empty where it is known.';
comment on column allot.confidence_sequence.estimate is
'Effect, batches weighted by predictable precision.';
comment on column allot.confidence_sequence.lo is 'Lower end; null while unbounded.';
comment on column allot.confidence_sequence.hi is
'Upper end; null while unbounded, and against the best of the rest.';
comment on column allot.confidence_sequence.equal_estimate is
'Effect, every observation counted the same.';
comment on column allot.confidence_sequence.equal_lo is 'Its lower end; null while unbounded.';
comment on column allot.confidence_sequence.equal_hi is 'Its upper end, likewise.';
comment on column allot.confidence_sequence.disagreement is
'Whether both estimates differ by more than noise: the effect moves in time, and nothing ships.';
comment on column allot.confidence_sequence.p_value is
'Always-valid p-value: of this arm alone against the control; over all arms against the rest.';

create table allot.arm_belief (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    cell text not null,
    arm allot.name not null,
    posterior_mean double precision not null,
    posterior_sd double precision check (posterior_sd >= 0),
    best_probability double precision not null check (best_probability between 0 and 1),
    expected_loss double precision not null check (expected_loss >= 0),
    primary key (experiment, batch_id, statistics_hash, position, cell, arm),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade
);

comment on table allot.arm_belief is
'P(best) and expected loss over the closed batches as known today: descriptions, not tests.';
comment on column allot.arm_belief.experiment is 'Slug of the experiment.';
comment on column allot.arm_belief.batch_id is 'Newest closed batch that was read.';
comment on column allot.arm_belief.statistics_hash is 'Names what the judgement read.';
comment on column allot.arm_belief.position is 'Slot in the slate, from 0.';
comment on column allot.arm_belief.cell is 'Context cell; * is the pool of all.';
comment on column allot.arm_belief.arm is 'The arm.';
comment on column allot.arm_belief.posterior_mean is 'Posterior mean of the reward.';
comment on column allot.arm_belief.posterior_sd is
'Posterior standard deviation; null where it is infinite.';
comment on column allot.arm_belief.best_probability is 'P(arm is best).';
comment on column allot.arm_belief.expected_loss is
'What always playing the arm is expected to give up per decision.';

create table allot.fixed_time_interval (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    method text not null check (method in ('naive', 'bols', 'aw_aipw')),
    arm allot.name not null,
    against allot.name not null,
    reference text not null check (reference in ('control', 'leader')),
    estimate double precision,
    lo double precision,
    hi double precision,
    primary key (experiment, batch_id, statistics_hash, position, method, arm),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint ordered check (lo <= hi)
);

comment on table allot.fixed_time_interval is
'Intervals for one look fixed beforehand, shown beside the sequence: wrong when looked at daily.';
comment on column allot.fixed_time_interval.experiment is 'Slug of the experiment.';
comment on column allot.fixed_time_interval.batch_id is 'Newest closed batch that was read.';
comment on column allot.fixed_time_interval.statistics_hash is 'Names what the judgement read.';
comment on column allot.fixed_time_interval.position is 'Slot in the slate, from 0.';
comment on column allot.fixed_time_interval.method is
'naive: pooled means, biased under a bandit; bols: batched least squares; aw_aipw: adaptively
weighted doubly robust.';
comment on column allot.fixed_time_interval.arm is 'The arm.';
comment on column allot.fixed_time_interval.against is 'What it is compared with.';
comment on column allot.fixed_time_interval.reference is
'control, or leader: picked on the same data, so its differences flatter it.';
comment on column allot.fixed_time_interval.estimate is 'Difference; null where nothing is known.';
comment on column allot.fixed_time_interval.lo is 'Lower end of the interval, likewise.';
comment on column allot.fixed_time_interval.hi is 'Upper end of the interval, likewise.';

create table allot.sample_ratio (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    position smallint not null check (position >= 0),
    step integer not null check (step > 0),
    look_batch allot.batch_id not null,
    version allot.name not null,
    cell text not null,
    units bigint not null check (units >= 0),
    p_value double precision not null check (p_value between 0 and 1),
    mismatch boolean not null,
    arm allot.name,
    excess double precision,
    primary key (experiment, batch_id, statistics_hash, position, step),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.judgement (experiment, batch_id, statistics_hash) on delete cascade,
    constraint a_mismatch_names_its_arm check (mismatch = (arm is not null))
);

comment on table allot.sample_ratio is
'Units as they arrived against the shares as published, version by version; valid at every look.';
comment on column allot.sample_ratio.experiment is 'Slug of the experiment.';
comment on column allot.sample_ratio.batch_id is 'Newest closed batch that was read.';
comment on column allot.sample_ratio.statistics_hash is 'Names what the judgement read.';
comment on column allot.sample_ratio.position is 'Slot in the slate, from 0.';
comment on column allot.sample_ratio.step is
'Order of the evidence, from 1: batch, version, cell; each unit counts once per version.';
comment on column allot.sample_ratio.look_batch is 'Batch in which the units were drawn.';
comment on column allot.sample_ratio.version is 'Weights version, or behavior policy.';
comment on column allot.sample_ratio.cell is 'Context cell; * where all share one.';
comment on column allot.sample_ratio.units is 'Units that were drawn in it.';
comment on column allot.sample_ratio.p_value is
'Always-valid p-value of "as published", after this version; it never rises.';
comment on column allot.sample_ratio.mismatch is 'Whether it has fallen to 1 % or below.';
comment on column allot.sample_ratio.arm is 'The arm that causes it; null without a mismatch.';
comment on column allot.sample_ratio.excess is
'Observed minus published share of that arm so far; null without a mismatch.';

create table allot.portfolio_entry (
    experiment allot.name primary key references allot.experiment (slug),
    place integer not null unique check (place > 0),
    batch_id allot.batch_id,
    statistics_hash allot.hash,
    p_value double precision not null check (p_value between 0 and 1),
    level double precision not null check (level between 0 and 1),
    discovery boolean not null,
    alpha double precision not null check (alpha > 0 and alpha < 1),
    decided_at timestamptz not null default now()
);

comment on table allot.portfolio_entry is
'Online false discovery rate over all experiments, in the order in which they started.';
comment on column allot.portfolio_entry.experiment is 'Slug of the experiment.';
comment on column allot.portfolio_entry.place is 'Order of creation, from 1.';
comment on column allot.portfolio_entry.batch_id is
'Newest batch of the judgement; null before one.';
comment on column allot.portfolio_entry.statistics_hash is 'Names the judgement; null before one.';
comment on column allot.portfolio_entry.p_value is
'Always-valid, over its positions: the smallest times their number; 1 while nothing is known.';
comment on column allot.portfolio_entry.level is
'What the experiment may spend; it depends on earlier ones only.';
comment on column allot.portfolio_entry.discovery is 'Whether the p-value is at most the level.';
comment on column allot.portfolio_entry.alpha is 'False discovery rate that is kept over all.';
comment on column allot.portfolio_entry.decided_at is 'When it was computed last (UTC).';
