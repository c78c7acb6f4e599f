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

known as (
    select
        experiment::text as experiment,
        day,
        arm_id::text as arm_id,
        decisions,
        rewards as posted_rewards,
        0::double precision as arm_rewards,
        0 as arm_reward_count,
        updated_at
    from posted
    union all
    select
        experiment::text as experiment,
        (occurred_at at time zone 'UTC')::date as day,
        arm_id::text as arm_id,
        0 as decisions,
        0 as posted_rewards,
        value as arm_rewards,
        1 as arm_reward_count,
        received_at as updated_at
    from allot.reward
    where arm_id is not null
)

select
    experiment,
    day,
    arm_id,
    sum(decisions)::bigint as decisions,
    sum(posted_rewards) + sum(arm_rewards) as rewards,
    sum(posted_rewards) as posted_rewards,
    sum(arm_rewards) as arm_rewards,
    sum(arm_reward_count)::bigint as arm_reward_count,
    max(updated_at) as updated_at
from known
group by experiment, day, arm_id;

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
