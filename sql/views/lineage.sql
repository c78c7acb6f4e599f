-- Where a weights version comes from: its batches, the lake version, the bronze files.
create view allot.lineage as
select
    w.experiment::text as experiment,
    w.version,
    w.content_hash::text as content_hash,
    w.published_at,
    w.revision,
    w.provenance ->> 'dag_run' as dag_run,
    w.provenance ->> 'code_revision' as code_revision,
    f.batch_id::text as batch_id,
    f.statistics_hash::text as statistics_hash,
    s.superseded_at is not null as restated_since,
    s.lake_version,
    o.behavior_policy,
    o.sha256,
    o.object_key,
    o.row_count,
    o.source_name
from allot.weights_snapshot as w
inner join allot.experiment_revision as d
    on w.experiment = d.experiment and w.revision = d.revision
left join allot.weights_batch as f on w.experiment = f.experiment and w.version = f.version
left join allot.batch_statistics as s
    on
        f.experiment = s.experiment
        and f.batch_id = s.batch_id
        and f.statistics_hash = s.statistics_hash
left join lateral (
    select distinct on (b.behavior_policy)
        b.behavior_policy::text as behavior_policy,
        b.sha256::text as sha256,
        b.object_key,
        b.row_count,
        b.source_name
    from allot.validation as v
    inner join allot.bronze_object as b
        on
            v.source = b.source
            and v.behavior_policy = b.behavior_policy
            and v.sha256 = b.sha256
    where
        v.verdict = 'accepted'
        and s.lake_version is not null
        and v.source = case d.document #>> '{source,kind}'
            when 'open_bandit' then 'open_bandit-' || (d.document #>> '{source,campaign}')
            else w.experiment
        end
        and v.behavior_policy in (
            select a.version
            from allot.arm_statistics as a
            where
                a.experiment = f.experiment
                and a.batch_id = f.batch_id
                and a.statistics_hash = f.statistics_hash
        )
    -- Validated again, an object names a later version that holds it as well.
    order by
        b.behavior_policy asc,
        v.lake_version <= s.lake_version desc,
        abs(v.lake_version - s.lake_version) asc
) as o on true;

comment on view allot.lineage is
'Where a weights version comes from: batches, statistics, lake version, bronze files.';
comment on column allot.lineage.experiment is 'Slug of the experiment.';
comment on column allot.lineage.version is 'Weights version.';
comment on column allot.lineage.content_hash is 'Name of the snapshot.';
comment on column allot.lineage.published_at is 'When it was published (UTC).';
comment on column allot.lineage.revision is 'Declaration that was in force.';
comment on column allot.lineage.dag_run is 'Airflow run that computed it.';
comment on column allot.lineage.code_revision is 'Revision of the code that computed it.';
comment on column allot.lineage.batch_id is 'A batch that it folded; null for version 0.';
comment on column allot.lineage.statistics_hash is 'Sums of that batch, as folded.';
comment on column allot.lineage.restated_since is
'Whether other sums have taken their place since; published versions never change.';
comment on column allot.lineage.lake_version is 'Version of silver that the sums were read from.';
comment on column allot.lineage.behavior_policy is 'Log whose rows silver held then.';
comment on column allot.lineage.sha256 is 'Bronze object that the rows came from.';
comment on column allot.lineage.object_key is 'Its key in the bronze bucket.';
comment on column allot.lineage.row_count is 'Its rows, over all its batches.';
comment on column allot.lineage.source_name is 'File that first brought its bytes.';
