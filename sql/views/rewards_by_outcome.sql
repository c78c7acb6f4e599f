-- What became of the rewards of every batch, by outcome: counted from the log in PostgreSQL, so
-- that it reaches back as far as the log is kept.
create view allot.rewards_by_outcome as
select
    o.experiment,
    o.outcome,
    o.outcome not in ('joined', 'total') as in_inbox,
    count(*) as rewards,
    sum(o.value) as value,
    min(o.occurred_at) as first_occurred_at,
    max(o.occurred_at) as last_occurred_at,
    max(o.received_at) as last_received_at
from allot.reward_outcome as o
group by o.experiment, o.outcome;

comment on view allot.rewards_by_outcome is
'Rewards by what became of them: counted from the log, as far back as it is kept.';
comment on column allot.rewards_by_outcome.experiment is 'Slug of the experiment.';
comment on column allot.rewards_by_outcome.outcome is
'joined, total, or why not: unknown, undeclared, late, early, impossible, flagged, conflicting.';
comment on column allot.rewards_by_outcome.in_inbox is
'Whether it is in the inbox: neither joined nor a total.';
comment on column allot.rewards_by_outcome.rewards is 'How many.';
comment on column allot.rewards_by_outcome.value is 'Their sum.';
comment on column allot.rewards_by_outcome.first_occurred_at is 'When the oldest occurred (UTC).';
comment on column allot.rewards_by_outcome.last_occurred_at is 'When the newest occurred (UTC).';
comment on column allot.rewards_by_outcome.last_received_at is 'When the last one arrived (UTC).';
