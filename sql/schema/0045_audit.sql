-- Audits: how far decisions and versions were recomputed, and what differed.

create table allot.audit (
    experiment allot.name not null references allot.experiment (slug),
    number integer not null check (number >= 1),
    from_xid xid8 not null,
    to_xid xid8 not null check (to_xid >= from_xid),
    from_version integer not null check (from_version >= 0),
    to_version integer not null check (to_version >= from_version - 1),
    decisions bigint not null check (decisions >= 0),
    versions bigint not null check (versions >= 0),
    differing bigint not null check (differing >= 0),
    unknown bigint not null check (unknown >= 0),
    code_revision text not null,
    dag_run text not null,
    audited_at timestamptz not null default clock_timestamp(),
    primary key (experiment, number)
);

create trigger immutable before update or delete on allot.audit
for each row execute function allot.refuse_change();

comment on table allot.audit is
'Every audit of an experiment: what it recomputed, and how much of it differed.';
comment on column allot.audit.number is 'Counts from 1 per experiment.';
comment on column allot.audit.from_xid is 'First transaction whose decisions were recomputed.';
comment on column allot.audit.to_xid is 'The transaction after the last.';
comment on column allot.audit.from_version is 'First weights version that was recomputed.';
comment on column allot.audit.to_version is 'The last one.';
comment on column allot.audit.decisions is 'Decisions that were recomputed.';
comment on column allot.audit.versions is 'Versions that were recomputed.';
comment on column allot.audit.differing is
'Decisions and versions that are not what recomputing gives: the audit failed unless 0.';
comment on column allot.audit.unknown is
'Decisions and versions of which this code cannot say it: made by another method, for one.';
comment on column allot.audit.code_revision is 'Revision of the code that recomputed.';
comment on column allot.audit.dag_run is 'Airflow''s run.';
comment on column allot.audit.audited_at is 'When it ended.';

create table allot.audit_finding (
    experiment allot.name not null,
    number integer not null,
    entry integer not null check (entry >= 1),
    subject text not null check (subject in ('decision', 'version')),
    name text not null,
    verdict text not null check (verdict in ('differs', 'unknown')),
    what text not null,
    explanation text not null,
    primary key (experiment, number, entry),
    foreign key (experiment, number) references allot.audit (experiment, number)
);

create trigger immutable before update or delete on allot.audit_finding
for each row execute function allot.refuse_change();

comment on table allot.audit_finding is
'What an audit found, a row per decision or version and difference; at most 10,000 per audit.';
comment on column allot.audit_finding.number is 'The audit.';
comment on column allot.audit_finding.entry is 'Counts from 1 per audit.';
comment on column allot.audit_finding.subject is 'decision or version.';
comment on column allot.audit_finding.name is 'Decision id, or the version as v12.';
comment on column allot.audit_finding.verdict is
'differs: recomputing gives something else. unknown: this code cannot recompute it.';
comment on column allot.audit_finding.what is
'What differs: snapshot, cell, slots, id, name, bucket, arm, share, flag, default, participation; '
'of a version statistics, method, content, posterior, allocation.';
comment on column allot.audit_finding.explanation is 'What stands there and what was expected.';
