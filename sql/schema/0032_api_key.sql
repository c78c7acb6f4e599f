-- Keys of the API: only the hash of a secret of 256 random bits is kept.

create table allot.api_key (
    key_id text primary key check (key_id ~ '^[0-9a-f]{12}$'),
    name text not null check (char_length(name) between 1 and 200),
    secret_hash allot.hash not null,
    scopes text[] not null check (
        cardinality(scopes) > 0
        and scopes <@ array['decide', 'reward', 'manage', 'read']
    ),
    experiments text[] check (experiments is null or cardinality(experiments) > 0),
    created_at timestamptz not null default now(),
    created_by text not null,
    revoked_at timestamptz,
    revoked_by text,
    check ((revoked_at is null) = (revoked_by is null))
);

comment on table allot.api_key is
'Keys of the API with what they may do; the secret itself is shown once, and kept nowhere.';
comment on column allot.api_key.key_id is 'Public part of the key, named in logs.';
comment on column allot.api_key.name is 'Who uses it; stands in what it submits.';
comment on column allot.api_key.secret_hash is 'SHA-256 of the whole key.';
comment on column allot.api_key.scopes is 'What it may do: decide, reward, manage, read.';
comment on column allot.api_key.experiments is
'Slugs to which it is restricted; null: all experiments.';
comment on column allot.api_key.created_at is 'When it was made.';
comment on column allot.api_key.created_by is 'Who made it.';
comment on column allot.api_key.revoked_at is 'Since when it is refused; null: it is in force.';
comment on column allot.api_key.revoked_by is 'Who revoked it.';
