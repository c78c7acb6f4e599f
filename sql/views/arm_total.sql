-- What is known by arm and day alone: the newest posted totals, and rewards posted by arm.
-- Such totals update the belief, and are never part of a verdict.
create view allot.arm_total as
with posted as (
    select distinct on (experiment, day, arm_id)
        experiment,
        day,
        arm_id,
        decisions,
        rewards,
        updated_at
    from allot.daily_total
    order by experiment asc, day asc, arm_id asc, entry desc
),

by_arm as (
    select
        experiment,
        (occurred_at at time zone 'UTC')::date as day,
        arm_id,
        count(*) as reward_count,
        sum(value) as rewards,
        max(received_at) as updated_at
    from allot.reward
    where arm_id is not null
    group by experiment, (occurred_at at time zone 'UTC')::date, arm_id
)

select
    coalesce(p.experiment, b.experiment)::text as experiment,
    coalesce(p.day, b.day) as day,
    coalesce(p.arm_id, b.arm_id)::text as arm_id,
    coalesce(p.decisions, 0) as decisions,
    coalesce(p.rewards, 0) + coalesce(b.rewards, 0) as rewards,
    coalesce(p.rewards, 0) as posted_rewards,
    coalesce(b.rewards, 0) as arm_rewards,
    coalesce(b.reward_count, 0) as arm_reward_count,
    greatest(p.updated_at, b.updated_at) as updated_at
from posted as p
full outer join by_arm as b
    on p.experiment = b.experiment and p.day = b.day and p.arm_id = b.arm_id;

comment on view allot.arm_total is
'Totals of clients that know only arm and day: the newest in force, with rewards by arm.';
comment on column allot.arm_total.experiment is 'Slug of the experiment.';
comment on column allot.arm_total.day is 'Day on which it occurred (UTC).';
comment on column allot.arm_total.arm_id is 'Name of the arm.';
comment on column allot.arm_total.decisions is
'Impressions as posted; 0 where only rewards by arm came: their decisions are in the log.';
comment on column allot.arm_total.rewards is 'Posted rewards and rewards by arm together.';
comment on column allot.arm_total.posted_rewards is
'Sum of rewards, as posted with the impressions.';
comment on column allot.arm_total.arm_rewards is 'Sum of single rewards that name only the arm.';
comment on column allot.arm_total.arm_reward_count is 'Number of those single rewards.';
comment on column allot.arm_total.updated_at is 'When the newest of it arrived.';
