-- Where a weights version comes from: its batches, the lake version, the bronze files.
create view allot.lineage as
with folded as not materialized (
    select
        w.experiment,
        w.version,
        w.content_hash,
        w.published_at,
        w.revision,
        w.provenance,
        f.batch_id,
        f.statistics_hash,
        s.superseded_at is not null as restated_since,
        s.lake_version,
        case d.document #>> '{source,kind}'
            when 'open_bandit' then 'open_bandit-' || (d.document #>> '{source,campaign}')
        end as foreign_source
    from allot.weights_snapshot as w
    inner join allot.experiment_revision as d
        on w.experiment = d.experiment and w.revision = d.revision
    left join allot.weights_batch as f on w.experiment = f.experiment and w.version = f.version
    left join allot.batch_statistics as s
        on
            f.experiment = s.experiment
            and f.batch_id = s.batch_id
            and f.statistics_hash = s.statistics_hash
),

-- Most versions fold the sums of many batches anew: each is traced once.
traced as not materialized (
    select distinct
        f.experiment,
        f.batch_id,
        f.statistics_hash,
        f.lake_version,
        f.foreign_source
    from folded as f
    where f.lake_version is not null
),

files as (
    select
        t.*,
        o.behavior_policy,
        o.sha256,
        o.object_key,
        o.row_count,
        o.source_name
    from traced as t
    inner join lateral (
        select distinct on (v.behavior_policy)
            v.behavior_policy,
            v.sha256,
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
            v.source = t.foreign_source
            and v.verdict = 'accepted'
            and v.behavior_policy in (
                select a.version
                from allot.arm_statistics as a
                where
                    a.experiment = t.experiment
                    and a.batch_id = t.batch_id
                    and a.statistics_hash = t.statistics_hash
            )
        -- Validated again, an object names a later version that holds it as well.
        order by
            v.behavior_policy asc,
            v.lake_version <= t.lake_version desc,
            abs(v.lake_version - t.lake_version) asc
    ) as o on true
    union all
    -- Of the API's own log: the objects that the batch was made from, as the sums found it.
    select
        t.*,
        l.kind as behavior_policy,
        l.sha256,
        b.object_key,
        b.row_count,
        b.source_name
    from traced as t
    inner join allot.log_batch_object as m
        on t.experiment = m.experiment and t.batch_id = m.batch_id
    inner join allot.log_object as l
        on m.experiment = l.experiment and m.number = l.number and m.kind = l.kind
    inner join allot.bronze_object as b
        on l.experiment = b.source and l.kind = b.behavior_policy and l.sha256 = b.sha256
    where
        t.foreign_source is null
        and m.lake_version = (
            select max(newest.lake_version)
            from allot.log_batch_object as newest
            where
                newest.experiment = t.experiment
                and newest.batch_id = t.batch_id
                and newest.lake_version <= t.lake_version
        )
)

select
    f.experiment::text as experiment,
    f.version,
    f.content_hash::text as content_hash,
    f.published_at,
    f.revision,
    f.provenance ->> 'dag_run' as dag_run,
    f.provenance ->> 'code_revision' as code_revision,
    f.batch_id::text as batch_id,
    f.statistics_hash::text as statistics_hash,
    f.restated_since,
    f.lake_version,
    o.behavior_policy::text as behavior_policy,
    o.sha256::text as sha256,
    o.object_key,
    o.row_count,
    o.source_name
from folded as f
left join files as o
    on
        f.experiment = o.experiment
        and f.batch_id = o.batch_id
        and f.statistics_hash = o.statistics_hash
        and coalesce(f.foreign_source, '') = coalesce(o.foreign_source, '');

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
comment on column allot.lineage.behavior_policy is
'Log whose rows silver held then; of the API''s own: decision, reward or exposure.';
comment on column allot.lineage.sha256 is 'Bronze object that the rows came from.';
comment on column allot.lineage.object_key is 'Its key in the bronze bucket.';
comment on column allot.lineage.row_count is 'Its rows, over all its batches.';
comment on column allot.lineage.source_name is 'File that first brought its bytes.';
