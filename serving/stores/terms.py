"""What PostgreSQL says of experiments and keys beside weights: asked again and again."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from include.contract.lifecycle import State
from include.contract.published import Published
from include.contract.weights import WeightsContent
from include.errors import DamagedSnapshotError
from serving.stores.database import Database

BEGINNING: Final = "0"
_HORIZON: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text"
_CHANGED: Final = """
with changed as (
    select experiment from allot.experiment_revision where submitted_xid >= %(since)s::xid8
    union
    select experiment from allot.experiment_state where changed_xid >= %(since)s::xid8
    union
    select slug from allot.experiment where exists (
        select from allot.global_holdout where changed_xid >= %(since)s::xid8
    )
)
select
    changed.experiment, coalesce(state.state, 'running'),
    json_build_object(
        'strategy', revision.document -> 'policy' -> 'name',
        'reward', revision.document -> 'reward',
        'control', revision.document -> 'control',
        'default_arm', revision.document -> 'default_arm',
        'traffic_share', revision.document -> 'traffic_share',
        'eligible', revision.document -> 'eligible',
        'exclude', revision.document -> 'exclude',
        'cells', revision.document -> 'cells',
        'metrics', revision.document -> 'metrics',
        'layer', (
            select json_build_array(layer, first, stop) from allot.layer_slice
            where experiment = changed.experiment
        ),
        'holdout', (select share from allot.global_holdout order by number desc limit 1)
    )
from changed
inner join lateral (
    select document from allot.experiment_revision
    where experiment = changed.experiment order by revision desc limit 1
) as revision on true
left join lateral (
    select state from allot.experiment_state
    where experiment = changed.experiment order by number desc limit 1
) as state on true
"""
_NEWEST: Final = """
select content, content_hash, provenance || jsonb_build_object('version', version)
from allot.weights_snapshot where experiment = %s order by version desc limit 1
"""
_KEYS: Final = """
select key_id, name, secret_hash, scopes, experiments from allot.api_key where revoked_at is null
"""


class Told(NamedTuple):
    """State and the parts of the declaration that answering needs, of one experiment."""

    experiment: str
    state: State
    document: dict[str, Any]


class KeyRow(NamedTuple):
    """One key that is in force, as stored."""

    key_id: str
    name: str
    secret_hash: str
    scopes: list[str]
    experiments: list[str] | None


class Declarations:
    """Reads from PostgreSQL what changed; one caller at a time.

    Parameters
    ----------
    database
        A connection of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def changed(self, since: str) -> tuple[str, list[Told]]:
        """Return what was committed since a horizon, perhaps some of it again, and the next one.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        """
        # Asked first: whatever is in doubt then is read again the next time.
        horizon = await (await self._database.execute(_HORIZON)).fetchone()
        rows = await (await self._database.execute(_CHANGED, {"since": since})).fetchall()
        return (horizon or (BEGINNING,))[0], [Told(*row) for row in rows]

    async def newest(self, experiment: str) -> Published | None:
        """Return the newest published weights; ``None`` if there is no such experiment.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        DamagedSnapshotError
            If the row is not what its hash says.
        """
        row = await (await self._database.execute(_NEWEST, (experiment,))).fetchone()
        return None if row is None else _published(experiment, *row)

    async def keys(self) -> list[KeyRow]:
        """Return all keys that are in force.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        """
        rows = await (await self._database.execute(_KEYS)).fetchall()
        return [KeyRow(*row) for row in rows]

    def abort(self) -> None:
        """Break off a call that does not return."""
        self._database.abort()

    async def close(self) -> None:
        """Close the connection."""
        await self._database.close()


def _published(
    experiment: str, text: str, content_hash: str, provenance: Mapping[str, Any]
) -> Published:
    content = WeightsContent.from_json(json.loads(text))
    if content.hash() != content_hash:
        raise DamagedSnapshotError(f"weights of {experiment!r} do not hash to {content_hash}")
    return Published(content, content_hash, dict(provenance))
