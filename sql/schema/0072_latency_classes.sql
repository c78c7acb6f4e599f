-- The view serving_latency adds up so many classes of latency, which are those of the API.
alter table allot.serving_minute add constraint classes_that_are_added_up
check (cardinality(counts) <= 16);
