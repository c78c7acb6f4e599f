-- An observation of the API's own log is a unit: the number of its decisions is kept beside it.

alter table allot.arm_statistics add column decisions bigint;
alter table allot.arm_statistics add constraint decisions_of_observations
check (decisions >= n);

comment on column allot.arm_statistics.decisions is
'Decisions of these observations, where an observation is a unit; null where it is one decision.';

alter table allot.log_batch add column aggregated allot.hash;

comment on column allot.log_batch.aggregated is
'Names what its sums were last made from; null before. Other rows, its own or of the batches '
'before in which its units were drawn, give another name.';
