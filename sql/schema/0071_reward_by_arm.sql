-- Rewards that name only their arm are few among many: totals by arm and day read no others.
create index reward_by_arm on allot.reward (experiment, arm_id) where arm_id is not null;
