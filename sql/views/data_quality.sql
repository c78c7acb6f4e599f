-- What came in, what was refused and why: one row per bronze object.
create view allot.data_quality as
with by_expectation as (
    select
        source,
        behavior_policy,
        sha256,
        expectation,
        sum(row_count) as refused
    from allot.quarantine_count
    group by source, behavior_policy, sha256, expectation
),

refusals as (
    select
        source,
        behavior_policy,
        sha256,
        string_agg(expectation || ': ' || refused, ', ' order by expectation) as told
    from by_expectation
    group by source, behavior_policy, sha256
),

by_arm as (
    select
        source,
        behavior_policy,
        sha256,
        arm,
        sum(row_count) as refused
    from allot.quarantine_count
    where arm is not null
    group by source, behavior_policy, sha256, arm
),

worst as (
    select distinct on (source, behavior_policy, sha256)
        source,
        behavior_policy,
        sha256,
        arm
    from by_arm
    order by source asc, behavior_policy asc, sha256 asc, refused desc, arm asc
),

checked as (
    select
        source,
        behavior_policy,
        sha256,
        count(*) as expectations,
        string_agg(expectation || ': ' || unexpected, ', ' order by expectation)
        filter (where severity = 'warning' and unexpected > 0) as warnings
    from allot.validation_result
    group by source, behavior_policy, sha256
)

select
    v.source::text as source,
    v.behavior_policy::text as behavior_policy,
    v.verdict,
    v.rows_in,
    v.rows_silver,
    v.rows_quarantined,
    v.rows_quarantined / nullif(v.rows_in, 0)::double precision as refused_share,
    refusals.told as refusals,
    worst.arm as most_refused_arm,
    checked.expectations,
    checked.warnings,
    v.reason,
    v.checked_at,
    v.lake_version,
    b.source_name,
    b.object_key,
    v.sha256::text as sha256,
    v.docs_key
from allot.validation as v
inner join allot.bronze_object as b
    on
        v.source = b.source
        and v.behavior_policy = b.behavior_policy
        and v.sha256 = b.sha256
left join refusals
    on
        v.source = refusals.source
        and v.behavior_policy = refusals.behavior_policy
        and v.sha256 = refusals.sha256
left join worst
    on
        v.source = worst.source
        and v.behavior_policy = worst.behavior_policy
        and v.sha256 = worst.sha256
left join checked
    on
        v.source = checked.source
        and v.behavior_policy = checked.behavior_policy
        and v.sha256 = checked.sha256;

comment on view allot.data_quality is
'What came in, what was refused and why: the last validation of every bronze object.';
comment on column allot.data_quality.source is 'Dataset and campaign, or an experiment.';
comment on column allot.data_quality.behavior_policy is
'Who decided: random, bts, or a weights version.';
comment on column allot.data_quality.verdict is
'accepted, or refused: then silver was left as it was.';
comment on column allot.data_quality.rows_in is 'Rows read.';
comment on column allot.data_quality.rows_silver is 'Rows written to silver.';
comment on column allot.data_quality.rows_quarantined is
'Rows refused one by one; they stand in quarantine with the name of the expectation.';
comment on column allot.data_quality.refused_share is 'Rows quarantined / rows in.';
comment on column allot.data_quality.refusals is
'Refused rows by the first expectation that refused them; null where there are none.';
comment on column allot.data_quality.most_refused_arm is
'Index of the arm that lost most rows; a refusal that depends on the arm is a bias.';
comment on column allot.data_quality.expectations is 'How many expectations were checked.';
comment on column allot.data_quality.warnings is
'Expectations that only speak, and how many rows broke them; null where none did.';
comment on column allot.data_quality.reason is 'Why the object was refused; empty where accepted.';
comment on column allot.data_quality.checked_at is 'When it was validated last (UTC).';
comment on column allot.data_quality.lake_version is 'Version of silver that holds its rows.';
comment on column allot.data_quality.source_name is 'File that first brought these bytes.';
comment on column allot.data_quality.object_key is 'Key in the bronze bucket.';
comment on column allot.data_quality.sha256 is 'Of the bytes.';
comment on column allot.data_quality.docs_key is 'Key of the report in the docs bucket.';
