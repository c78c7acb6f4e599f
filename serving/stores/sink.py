"""Groups of log records into a table of PostgreSQL, every record once, a poisonous one alone."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, NamedTuple

import psycopg

from serving.answers import Problem
from serving.stores.database import REFUSED, Database

Row = dict[str, Any]
Fates = Mapping[int, Row | Problem]


class Statements(NamedTuple):
    """The SQL of one kind of record; each statement takes the records as one JSON array.

    Attributes
    ----------
    insert
        Inserts the records whose ids are new, in their order: of two groups with the same ids at
        once one waits for the other, and never both.
    supersede
        Keeps aside the records whose ids belong to others; may be repeated. ``None``: no two
        records of one id differ.
    fates
        Returns (place from 1, row) of records that have more to be told; ``None``: none has.
    supersede_at_once
        Whether a record is also kept aside when its client still waits for the answer, rather
        than being answered by the one that stands.
    """

    insert: LiteralString
    supersede: LiteralString | None = None
    fates: LiteralString | None = None
    supersede_at_once: bool = False


class Sink:
    """Writes groups; the same group may be written again, in whole or in part."""

    def __init__(self, database: Database, statements: Statements) -> None:
        self._database = database
        self._sql = statements

    async def insert(self, lines: Sequence[bytes]) -> Fates:
        """Write records whose clients wait.

        Parameters
        ----------
        lines
            One JSON object each.

        Returns
        -------
        Mapping
            By index in the group: the row by which the client is to be answered, or why this
            record alone was refused. What is absent stands as it was given.

        Raises
        ------
        ReportsUnavailableError
            If it is not known whether the records are written.
        """
        try:
            return await self._insert(_array(lines), len(lines))
        except REFUSED as error:
            if len(lines) == 1:
                return {0: _refusal(error)}
        middle = len(lines) // 2
        first = await self.insert(lines[:middle])
        second = await self.insert(lines[middle:])
        return {**first, **{middle + place: fate for place, fate in second.items()}}

    async def ship(self, lines: Sequence[bytes]) -> list[bytes]:
        """Write records that were acknowledged before; return those that the table refuses.

        Raises
        ------
        ReportsUnavailableError
            If it is not known whether the records are written.
        """
        group = _array(lines)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(self._sql.insert, (group,))
                if self._sql.supersede is not None:
                    await connection.execute(self._sql.supersede, (group,))
        except REFUSED:
            if len(lines) == 1:
                return list(lines)
        else:
            return []
        middle = len(lines) // 2
        return [*await self.ship(lines[:middle]), *await self.ship(lines[middle:])]

    def abort(self) -> None:
        """Break off a call that does not return."""
        self._database.abort()

    async def close(self) -> None:
        """Close the connection."""
        await self._database.close()

    async def _insert(self, group: str, size: int) -> Fates:
        inserted = await self._database.execute(self._sql.insert, (group,))
        if inserted.rowcount == size or self._sql.fates is None:
            return {}
        if self._sql.supersede_at_once and self._sql.supersede is not None:
            await self._database.execute(self._sql.supersede, (group,))
        told = await self._database.execute(self._sql.fates, (group,))
        return {place - 1: row for place, row in await told.fetchall()}


def _array(lines: Sequence[bytes]) -> str:
    return (b"[" + b",".join(lines) + b"]").decode()


def _refusal(error: psycopg.Error) -> Problem:
    told = error.diag.message_primary or "the record"
    return Problem(422, "record-refused", f"the database refuses this record: {told}")
