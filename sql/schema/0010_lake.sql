-- What came into the lake, what validation found, and what was refused.

create table allot.bronze_object (
    source allot.name not null,
    behavior_policy allot.name not null,
    sha256 allot.hash not null,
    object_key text not null,
    size_bytes bigint not null check (size_bytes > 0),
    row_count bigint not null check (row_count >= 0),
    source_name text not null,
    etag text not null,
    first_seen timestamptz not null,
    primary key (source, behavior_policy, sha256)
);

create trigger immutable before update or delete on allot.bronze_object
for each row execute function allot.refuse_change();

comment on table allot.bronze_object is
'Objects of bronze: the bytes as they came. The same bytes are one object.';
comment on column allot.bronze_object.source is
'Dataset and campaign (open_bandit-men), or an experiment.';
comment on column allot.bronze_object.behavior_policy is
'Who decided: random, bts, or a weights version.';
comment on column allot.bronze_object.sha256 is 'Of the bytes; names the object.';
comment on column allot.bronze_object.object_key is 'Key in the bronze bucket.';
comment on column allot.bronze_object.row_count is 'Lines below the header.';
comment on column allot.bronze_object.source_name is 'File that first brought these bytes.';
comment on column allot.bronze_object.first_seen is 'When these bytes came first.';

create table allot.validation (
    source allot.name not null,
    behavior_policy allot.name not null,
    sha256 allot.hash not null,
    verdict text not null check (verdict in ('accepted', 'refused')),
    reason text not null,
    rows_in bigint not null check (rows_in >= 0),
    rows_silver bigint not null check (rows_silver >= 0),
    rows_quarantined bigint not null check (rows_quarantined >= 0),
    lake_version bigint,
    content_hash allot.hash,
    docs_key text not null,
    checked_at timestamptz not null,
    primary key (source, behavior_policy, sha256),
    foreign key (source, behavior_policy, sha256)
    references allot.bronze_object (source, behavior_policy, sha256),
    constraint accepted_rows_add_up
    check (verdict = 'refused' or rows_in = rows_silver + rows_quarantined),
    constraint refused_left_silver
    check ((verdict = 'accepted') = (lake_version is not null and content_hash is not null))
);

comment on table allot.validation is
'The last validation of each bronze object. A refused object left silver as it was.';
comment on column allot.validation.reason is 'Why it was refused; empty where accepted.';
comment on column allot.validation.rows_in is 'Rows read; all rows of the object where accepted.';
comment on column allot.validation.rows_silver is 'Rows written to silver; 0 where refused.';
comment on column allot.validation.lake_version is 'Version of the silver table that holds them.';
comment on column allot.validation.content_hash is
'SHA-256 over the sorted rows in silver, whatever files hold them.';
comment on column allot.validation.docs_key is 'Key of the report in the docs bucket.';

create table allot.validation_result (
    source allot.name not null,
    behavior_policy allot.name not null,
    sha256 allot.hash not null,
    suite text not null,
    expectation text not null,
    severity text not null check (severity in ('critical', 'warning')),
    says text not null,
    evaluated bigint not null check (evaluated >= 0),
    unexpected bigint not null check (unexpected >= 0),
    observed text not null,
    primary key (source, behavior_policy, sha256, suite, expectation),
    foreign key (source, behavior_policy, sha256)
    references allot.validation (source, behavior_policy, sha256),
    check (unexpected <= evaluated)
);

comment on table allot.validation_result is
'What every expectation found in the last validation of a bronze object.';
comment on column allot.validation_result.severity is
'critical refuses the row (or the object); warning only speaks.';
comment on column allot.validation_result.evaluated is 'Rows, or 1 for a whole table.';
comment on column allot.validation_result.observed is 'Examples of what was found instead.';

create table allot.quarantine_count (
    source allot.name not null,
    behavior_policy allot.name not null,
    sha256 allot.hash not null,
    expectation text not null,
    arm smallint,
    row_count bigint not null check (row_count > 0),
    constraint quarantine_count_key
    unique nulls not distinct (source, behavior_policy, sha256, expectation, arm),
    foreign key (source, behavior_policy, sha256)
    references allot.validation (source, behavior_policy, sha256)
);

comment on table allot.quarantine_count is
'Refused rows by the first expectation that refused them and by arm: a refusal that depends on '
'the arm is a bias.';
comment on column allot.quarantine_count.arm is
'Index of the arm; null where the row does not say readably.';
