-- What an experiment is doing: a history of states. Without one it has been running since it began.

create table allot.experiment_state (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    state text not null
    check (state in ('draft', 'running', 'paused', 'concluded', 'archived')),
    changed_by text not null,
    reason text not null,
    changed_at timestamptz not null default clock_timestamp(),
    changed_xid xid8 not null default pg_current_xact_id(),
    primary key (experiment, number)
);

create index experiment_state_by_receipt on allot.experiment_state (changed_xid);

create trigger immutable before update or delete on allot.experiment_state
for each row execute function allot.refuse_change();

comment on table allot.experiment_state is
'Every state of an experiment; the highest number is in force, none at all means running.';
comment on column allot.experiment_state.experiment is 'Slug of the experiment.';
comment on column allot.experiment_state.number is 'Counts from 1 per experiment.';
comment on column allot.experiment_state.state is
'draft, running, paused, concluded or archived; only a running experiment draws arms.';
comment on column allot.experiment_state.changed_by is 'Who changed it.';
comment on column allot.experiment_state.reason is 'Why, in the words of whoever changed it.';
comment on column allot.experiment_state.changed_at is 'When.';
comment on column allot.experiment_state.changed_xid is
'Transaction that wrote it: read by all who follow changes, in the order of commits.';

-- Followers of changes read by transaction; times of submission can become visible out of order.
alter table allot.experiment_revision
add column submitted_xid xid8 not null default pg_current_xact_id();

create index experiment_revision_by_receipt on allot.experiment_revision (submitted_xid);

comment on column allot.experiment_revision.submitted_xid is
'Transaction that wrote it: read by all who follow changes, in the order of commits.';

alter table allot.decision drop constraint decision_flag_check;
alter table allot.decision add constraint decision_flag_check
check (flag in ('forced', 'draft', 'paused', 'stopped', 'outside', 'ineligible'));

comment on column allot.decision.flag is
'Why nothing was drawn, never learned from: forced; state (draft, paused, stopped); outside the '
'traffic share; ineligible by its context. Null: drawn.';
comment on column allot.decision.strategy is
'Policy in force when it was decided; the one that made the weights stands in their snapshot.';
