"""The decision log's SQL."""

from typing import Final

from serving.stores.sink import Statements

_INSERT: Final = """
insert into allot.decision (
    experiment, decision_id, request_id, unit, cell, version, content_hash, strategy,
    arms, arm_ids, shares, buckets, flag, covariates, decided_at
)
select
    experiment, decision_id, request_id, unit, cell, version, content_hash, strategy,
    arms, arm_ids, shares, buckets, flag, covariates,
    timestamptz 'epoch' + decided_us * interval '1 microsecond'
from json_to_recordset(%s::json) as given (
    experiment text, decision_id uuid, request_id text, unit text, cell text, version integer,
    content_hash text, strategy text, arms smallint[], arm_ids text[], shares smallint[],
    buckets smallint[], flag text, covariates jsonb, decided_us bigint
)
order by experiment, decision_id
on conflict do nothing
"""

# A record that was written twice is the same in what was drawn, and when.
_SUPERSEDE: Final = """
insert into allot.decision_superseded (experiment, decision_id, record_hash, record)
select
    given.experiment, given.decision_id,
    encode(sha256(convert_to(given.record, 'UTF8')), 'hex'), given.record
from (
    select
        record::text as record,
        record ->> 'experiment' as experiment,
        (record ->> 'decision_id')::uuid as decision_id,
        (record ->> 'decided_us')::bigint * interval '1 microsecond' as decided,
        record ->> 'unit' as unit,
        record ->> 'content_hash' as content_hash,
        record -> 'arm_ids' as arm_ids
    from json_array_elements(%s::json) as records (record)
) as given
inner join allot.decision as first
    on given.experiment = first.experiment and given.decision_id = first.decision_id
where
    first.decided_at <> timestamptz 'epoch' + given.decided
    or first.unit is distinct from given.unit
    or first.content_hash <> given.content_hash
    or to_jsonb(first.arm_ids) <> given.arm_ids::jsonb
on conflict do nothing
"""

_FIRST: Final = """
select given.place, to_json(first.*)
from rows from (
    json_to_recordset(%s::json) as (experiment text, decision_id uuid)
) with ordinality as given (experiment, decision_id, place)
inner join allot.decision as first
    on given.experiment = first.experiment and given.decision_id = first.decision_id
where first.request_id is not null
"""

DECISIONS: Final = Statements(_INSERT, _SUPERSEDE, _FIRST, supersede_at_once=False)
