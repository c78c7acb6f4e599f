-- Traffic that is answered but never learned from: bots and staff, by rules on the context.

alter table allot.decision drop constraint decision_flag_check;
alter table allot.decision add constraint decision_flag_check
check (flag in ('forced', 'draft', 'paused', 'stopped', 'excluded', 'outside', 'ineligible'));

comment on column allot.decision.flag is
'Why nothing was drawn, never learned from: forced; state (draft, paused, stopped); excluded or '
'ineligible by its context; outside the traffic share. Null: drawn.';

create table allot.log_arm (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    policy text not null,
    position smallint not null check (position >= 0),
    arm smallint not null check (arm >= 0),
    decisions bigint not null check (decisions > 0),
    primary key (experiment, batch_id, policy, position, arm),
    foreign key (experiment, batch_id) references allot.log_batch (experiment, batch_id)
);

comment on table allot.log_arm is
'Decisions of a batch in silver by arm: the drawn ones by version, all others by flag.';
comment on column allot.log_arm.experiment is 'Slug of the experiment.';
comment on column allot.log_arm.batch_id is 'Start of the batch (UTC).';
comment on column allot.log_arm.policy is
'Weights version that drew, as v12, or the flag under which nothing was drawn.';
comment on column allot.log_arm.position is 'Slot in the slate, from 0.';
comment on column allot.log_arm.arm is 'Index of the arm, from 0.';
comment on column allot.log_arm.decisions is 'How many decisions.';
