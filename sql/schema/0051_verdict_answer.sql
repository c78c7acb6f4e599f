-- What became of a recommendation to end: one answer each, and at most one end per experiment.

create table allot.verdict_answer (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    judgement_hash allot.hash not null,
    answer text not null check (answer in ('approved', 'rejected', 'automatic', 'superseded')),
    answered_by text not null,
    reason text not null,
    answered_at timestamptz not null,
    dag_run text not null,
    revision integer,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (experiment, batch_id, judgement_hash),
    foreign key (experiment, batch_id, judgement_hash)
    references allot.recommendation (experiment, batch_id, judgement_hash),
    foreign key (experiment, revision)
    references allot.experiment_revision (experiment, revision),
    constraint an_end_makes_a_revision
    check ((answer in ('approved', 'automatic')) = (revision is not null))
);

create unique index one_end_per_experiment on allot.verdict_answer (experiment)
where revision is not null;

create trigger immutable before update or delete on allot.verdict_answer
for each row execute function allot.refuse_change();

comment on table allot.verdict_answer is
'Who approved or rejected a recommendation to end, when and why, and the revision that followed.';
comment on column allot.verdict_answer.experiment is 'Slug of the experiment.';
comment on column allot.verdict_answer.batch_id is 'Batch of the recommendation.';
comment on column allot.verdict_answer.judgement_hash is 'Judgement of the recommendation.';
comment on column allot.verdict_answer.answer is
'approved or rejected by a person; automatic where declared; superseded: it had ended before.';
comment on column allot.verdict_answer.answered_by is 'Who.';
comment on column allot.verdict_answer.reason is 'Why, in the words of whoever answered.';
comment on column allot.verdict_answer.answered_at is 'When it was answered (UTC).';
comment on column allot.verdict_answer.dag_run is 'Airflow run that recorded it.';
comment on column allot.verdict_answer.revision is
'Declaration that ended the experiment; null where it goes on.';
comment on column allot.verdict_answer.recorded_at is 'When it was recorded (UTC).';
