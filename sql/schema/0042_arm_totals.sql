-- What is known by arm alone: it updates the belief, and is never part of a verdict, so that it
-- stands beside the sums of observations and not among them.

create table allot.total_statistics (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    arm smallint not null check (arm >= 0),
    n bigint not null check (n >= 0),
    sum_r double precision not null check (abs(sum_r) < 'infinity'::double precision),
    sum_r2 double precision not null
    check (sum_r2 >= 0 and sum_r2 < 'infinity'::double precision),
    primary key (experiment, batch_id, statistics_hash, arm),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.batch_statistics (experiment, batch_id, statistics_hash)
);

create trigger immutable before update or delete on allot.total_statistics
for each row execute function allot.refuse_change();

comment on table allot.total_statistics is
'Totals by arm that the posterior adds to the sums of a batch; immutable, and part of their hash.';
comment on column allot.total_statistics.statistics_hash is
'The sums of the batch that they are part of.';
comment on column allot.total_statistics.arm is
'Index of the arm in the experiment''s list, from 0.';
comment on column allot.total_statistics.n is
'Posted decisions; 0 where only rewards came, whose decisions are in the log.';
comment on column allot.total_statistics.sum_r is 'Σ r of posted totals and of rewards by arm.';
comment on column allot.total_statistics.sum_r2 is
'Σ r²: exact of single rewards, the largest that bounds allow of posted totals.';

create table allot.log_arm_reward (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    arm_id allot.name not null,
    number integer not null check (number >= 1),
    rewards bigint not null check (rewards >= 0),
    sum_r double precision not null,
    sum_r2 double precision not null check (sum_r2 >= 0),
    impossible bigint not null check (impossible >= 0),
    primary key (experiment, batch_id, arm_id)
);

comment on table allot.log_arm_reward is
'Rewards in bronze that name only an arm, summed over the batch in which they occurred.';
comment on column allot.log_arm_reward.number is 'Newest export that had been read for it.';
comment on column allot.log_arm_reward.rewards is 'How many.';
comment on column allot.log_arm_reward.sum_r is 'Σ r.';
comment on column allot.log_arm_reward.sum_r2 is 'Σ r².';
comment on column allot.log_arm_reward.impossible is
'How many more had a value that the declared kind excludes: not in the sums.';

create table allot.total_outcome (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    arm_id allot.name not null,
    decisions bigint not null check (decisions >= 0),
    posted double precision not null,
    rewards bigint not null check (rewards >= 0),
    sum_r double precision not null,
    sum_r2 double precision not null check (sum_r2 >= 0),
    outcome text not null check (
        outcome in (
            'counted', 'unknown_arm', 'several_positions', 'no_propensity', 'no_spread',
            'no_decisions', 'impossible'
        )
    ),
    statistics_hash allot.hash not null,
    judged_at timestamptz not null default clock_timestamp(),
    primary key (experiment, batch_id, arm_id),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.batch_statistics (experiment, batch_id, statistics_hash)
);

comment on table allot.total_outcome is
'What became of the totals of every batch and arm: counted, or refused as a whole with a reason.';
comment on column allot.total_outcome.decisions is 'Posted decisions.';
comment on column allot.total_outcome.posted is 'Posted rewards of those.';
comment on column allot.total_outcome.rewards is 'Number of single rewards that name the arm.';
comment on column allot.total_outcome.sum_r is 'Their sum.';
comment on column allot.total_outcome.sum_r2 is 'Their sum of squares.';
comment on column allot.total_outcome.outcome is
'counted, or why the belief does not learn from them. unknown_arm: not declared. '
'several_positions: a total names none. no_propensity: stratified memory weighs by it. '
'no_spread: sums of real rewards say nothing about their variance. no_decisions: rewards of '
'an arm that nobody was shown. impossible: more rewards than decisions, or beyond the bounds.';
comment on column allot.total_outcome.statistics_hash is
'Sums of the batch for which it was judged.';
comment on column allot.total_outcome.judged_at is 'When.';
