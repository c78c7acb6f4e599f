"""The exposure log's SQL."""

from typing import Final

from serving.stores.sink import Statements

_INSERT: Final = """
insert into allot.exposure (experiment, decision_id, occurred_at)
select experiment, decision_id, timestamptz 'epoch' + occurred_us * interval '1 microsecond'
from json_to_recordset(%s::json) as given (
    experiment text, decision_id uuid, occurred_us bigint
)
order by experiment, decision_id, occurred_us
on conflict do nothing
"""

# The whole record is its key: no two say different things.
EXPOSURES: Final = Statements(_INSERT)
