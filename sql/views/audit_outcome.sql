-- The newest audit of every experiment, and whether it passed.
create view allot.audit_outcome as
with newest as (
    select distinct on (experiment) *
    from allot.audit
    order by experiment asc, number desc
)

select
    a.experiment::text as experiment,
    a.number as audit,
    case when a.differing = 0 then 'passed' else 'failed' end as outcome,
    a.decisions,
    a.versions,
    a.differing,
    a.unknown,
    a.to_version as audited_version,
    a.code_revision,
    a.dag_run,
    a.audited_at
from newest as a;

comment on view allot.audit_outcome is
'The newest audit of every experiment; what differed stands in allot.audit_finding.';
comment on column allot.audit_outcome.experiment is 'Slug of the experiment.';
comment on column allot.audit_outcome.audit is 'Number of the audit.';
comment on column allot.audit_outcome.outcome is 'passed, or failed where anything differed.';
comment on column allot.audit_outcome.decisions is 'Decisions that it recomputed.';
comment on column allot.audit_outcome.versions is 'Weights versions that it recomputed.';
comment on column allot.audit_outcome.differing is 'Decisions and versions that differed.';
comment on column allot.audit_outcome.unknown is 'Of which this code cannot say it.';
comment on column allot.audit_outcome.audited_version is 'Newest version that was recomputed.';
comment on column allot.audit_outcome.code_revision is 'Revision of the code that recomputed.';
comment on column allot.audit_outcome.dag_run is 'Airflow''s run.';
comment on column allot.audit_outcome.audited_at is 'When it ended (UTC).';
