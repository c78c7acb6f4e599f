-- What is old is found by ranges of blocks: rows lie in the order in which they were written, and
-- a tree of their ages cost every decision a tenth of its insertion.

create index decision_by_age_range on allot.decision using brin (received_at)
with (pages_per_range = 32);
create index reward_by_age_range on allot.reward using brin (received_at)
with (pages_per_range = 32);
drop index allot.decision_by_age;
drop index allot.reward_by_age;
