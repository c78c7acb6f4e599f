-- Which bronze objects a batch of the decision log was made silver from: written with the batch.

create table allot.log_batch_object (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    lake_version bigint not null check (lake_version >= 0),
    kind text not null,
    number integer not null,
    primary key (experiment, batch_id, lake_version, kind, number),
    foreign key (experiment, batch_id) references allot.log_batch (experiment, batch_id),
    foreign key (experiment, number, kind)
    references allot.log_object (experiment, number, kind)
);

create trigger immutable before update or delete on allot.log_batch_object
for each row execute function allot.refuse_change();

comment on table allot.log_batch_object is
'Bronze objects with the decisions of a batch, or with rewards and exposures that occurred '
'while those waited.';
comment on column allot.log_batch_object.experiment is 'Slug of the experiment.';
comment on column allot.log_batch_object.batch_id is 'The batch.';
comment on column allot.log_batch_object.lake_version is
'Version of silver that was the first to hold the batch as it was made from them.';
comment on column allot.log_batch_object.kind is 'decision, reward or exposure.';
comment on column allot.log_batch_object.number is 'Export that the object is of.';
