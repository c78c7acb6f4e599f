"""The reward log's SQL."""

from typing import Final

from serving.stores.sink import Statements

_INSERT: Final = """
insert into allot.reward (
    experiment, reward_id, decision_id, unit, arm_id, value, metrics, occurred_at
)
select
    experiment, reward_id, decision_id, unit, arm_id, value, metrics,
    timestamptz 'epoch' + occurred_us * interval '1 microsecond'
from json_to_recordset(%s::json) as given (
    experiment text, reward_id text, decision_id uuid, unit text, arm_id text,
    value double precision, metrics jsonb, occurred_us bigint
)
order by experiment, reward_id
on conflict do nothing
"""

# A repeat may come without its time, which then is that of its arrival.
_OTHERS: Final = """
from rows from (
    json_to_recordset(%s::json) as (
        experiment text, reward_id text, decision_id uuid, unit text, arm_id text,
        value double precision, metrics jsonb, occurred_us bigint
    )
) with ordinality as given (
    experiment, reward_id, decision_id, unit, arm_id, value, metrics, occurred_us, place
)
inner join allot.reward as first
    on given.experiment = first.experiment and given.reward_id = first.reward_id
where
    first.value <> given.value
    or first.metrics is distinct from given.metrics
    or first.decision_id is distinct from given.decision_id
    or first.unit is distinct from given.unit
    or first.arm_id is distinct from given.arm_id
"""

_SUPERSEDE: Final = (
    """
insert into allot.reward_superseded (experiment, reward_id, record_hash, record)
select
    other.experiment, other.reward_id,
    encode(sha256(convert_to(other.record, 'UTF8')), 'hex'), other.record
from (
    select given.experiment, given.reward_id, (to_jsonb(given) - 'place')::text as record
"""
    + _OTHERS
    + ") as other on conflict do nothing"
)

_FATES: Final = "select given.place, to_json(first.*)" + _OTHERS

REWARDS: Final = Statements(_INSERT, _SUPERSEDE, _FATES, supersede_at_once=True)
