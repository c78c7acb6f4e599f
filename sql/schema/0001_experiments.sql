-- Experiments and their revisions. A revision is immutable: the database refuses any change.

create function allot.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on allot.% is refused: its history is append-only', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end;
$$;

create domain allot.name as text
check (value ~ '^[a-z0-9][a-z0-9_-]{0,62}$');

create domain allot.hash as text
check (value ~ '^[0-9a-f]{64}$');

create domain allot.batch_id as text
check (value ~ '^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?Z)?$');

create table allot.experiment (
    slug allot.name primary key,
    created_at timestamptz not null default now(),
    created_by text not null
);

comment on table allot.experiment is
'One row per experiment; what it declares stands in its revisions.';
comment on column allot.experiment.slug is
'Name of the experiment everywhere: files, store keys, reports.';
comment on column allot.experiment.created_by is 'Who submitted the first revision.';

create table allot.experiment_revision (
    experiment allot.name not null references allot.experiment (slug),
    revision integer not null check (revision >= 1),
    revision_hash allot.hash not null,
    canonical text not null,
    document jsonb not null generated always as (canonical::jsonb) stored,
    origin text not null check (origin in ('toml', 'api')),
    submitted_by text not null,
    reason text not null,
    submitted_at timestamptz not null default now(),
    primary key (experiment, revision),
    constraint hash_names_document
    check (revision_hash = encode(sha256(convert_to(canonical, 'UTF8')), 'hex')),
    constraint document_names_experiment check (document ->> 'slug' = experiment)
);

create index experiment_revision_hash on allot.experiment_revision (experiment, revision_hash);

create trigger immutable before update or delete on allot.experiment_revision
for each row execute function allot.refuse_change();

comment on table allot.experiment_revision is
'Immutable declarations of an experiment; the highest number is in force.';
comment on column allot.experiment_revision.revision is 'Counts from 1 per experiment.';
comment on column allot.experiment_revision.revision_hash is
'SHA-256 of the canonical document; weights version 0 names it as its parent.';
comment on column allot.experiment_revision.canonical is
'The declaration as canonical JSON, byte for byte as hashed.';
comment on column allot.experiment_revision.document is
'The same declaration, for queries.';
comment on column allot.experiment_revision.origin is
'Submitted by a TOML file or by the API.';
comment on column allot.experiment_revision.submitted_by is 'Who submitted it.';
comment on column allot.experiment_revision.reason is
'Why, in the words of whoever submitted it.';
