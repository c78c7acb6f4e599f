"""Keys as rows: made, revoked and listed by whoever runs the API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from serving.keys.key import Fresh, digest_of
from serving.stores.database import Database

_INSERT: Final = """
insert into allot.api_key (key_id, name, secret_hash, scopes, experiments, created_by)
values (%s, %s, %s, %s, %s, %s)
"""
_REVOKE: Final = """
update allot.api_key set revoked_at = now(), revoked_by = %s
where key_id = %s and revoked_at is null
"""
_LIST: Final = """
select key_id, name, scopes, experiments, created_at, created_by, revoked_at
from allot.api_key order by created_at, key_id
"""


class Listed(NamedTuple):
    """One key as it is shown: never its secret, nor its hash."""

    key_id: str
    name: str
    scopes: list[str]
    experiments: list[str] | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


class Keys:
    """Makes, revokes and lists keys.

    Parameters
    ----------
    database
        A connection of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        key: Fresh,
        name: str,
        scopes: Sequence[str],
        experiments: Sequence[str] | None,
        *,
        by: str,
    ) -> None:
        """Put a new key in force.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        psycopg.DataError, psycopg.IntegrityError
            If the values are refused.
        """
        digest = digest_of(key.token.encode()).hex()
        named = None if experiments is None else list(experiments)
        await self._database.execute(_INSERT, (key.key_id, name, digest, list(scopes), named, by))

    async def revoke(self, key_id: str, by: str) -> bool:
        """Take a key out of force; tell whether it was in force.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        """
        return (await self._database.execute(_REVOKE, (by, key_id))).rowcount == 1

    async def listed(self) -> list[Listed]:
        """Return all keys, the oldest first.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked.
        """
        rows = await (await self._database.execute(_LIST)).fetchall()
        return [Listed(*row) for row in rows]

    async def close(self) -> None:
        """Close the connection."""
        await self._database.close()
