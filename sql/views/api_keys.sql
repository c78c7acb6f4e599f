-- Who has a key of the API, and what it may do; the table's hashes are for nobody to read.
-- DISTINCT keeps it from being written through to the table.
create view allot.api_keys as
select distinct
    key_id,
    name,
    scopes,
    experiments,
    created_at,
    created_by,
    revoked_at,
    revoked_by
from allot.api_key;

comment on view allot.api_keys is 'Who has a key of the API, and what may it do?';
comment on column allot.api_keys.key_id is 'Public part of the key, named in logs.';
comment on column allot.api_keys.name is 'Who uses it; stands in what it submits.';
comment on column allot.api_keys.scopes is 'What it may do: decide, reward, manage, read.';
comment on column allot.api_keys.experiments is
'Slugs to which it is restricted; null: all experiments.';
comment on column allot.api_keys.created_at is 'When it was made (UTC).';
comment on column allot.api_keys.created_by is 'Who made it.';
comment on column allot.api_keys.revoked_at is 'Since when it is refused; null: it is in force.';
comment on column allot.api_keys.revoked_by is 'Who revoked it.';
