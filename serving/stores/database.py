"""One connection to PostgreSQL, opened when it is needed and anew after it was lost."""

import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

from include.errors import ReportsUnavailableError

CONNECT_SECONDS = 3
STATEMENT_MILLISECONDS = 15_000
REFUSED = (psycopg.DataError, psycopg.IntegrityError)
Parameters = Sequence[Any] | Mapping[str, Any]


class Database:
    """A connection that one caller at a time uses.

    No call is ever cancelled: psycopg would then wait for the server, which may be frozen.
    Whoever has a deadline waits beside the call and leaves it to its end.

    Parameters
    ----------
    url
        ``postgresql://…``
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[TupleRow] | None = None

    async def execute(
        self, query: LiteralString, parameters: Parameters | None = None
    ) -> AsyncCursor[TupleRow]:
        """Run one statement in a transaction of its own.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked, or its answer was lost: it may have happened.
        psycopg.DataError, psycopg.IntegrityError
            If the values are refused.
        """
        async with self._guarded() as connection:
            return await connection.execute(query, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """Open a transaction: committed at the end of the block, else rolled back.

        Raises
        ------
        ReportsUnavailableError
            If PostgreSQL cannot be asked, or its answer was lost: it may have happened.
        """
        async with self._guarded() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error, OSError):
                await connection.close()

    def abort(self) -> None:
        """Break the connection off under a call that does not return."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(connection.fileno())) as own,
        ):
            own.shutdown(socket.SHUT_RDWR)

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        try:
            yield await self._open()
        except REFUSED:
            raise
        except (psycopg.Error, OSError) as error:
            await self.close()
            # The message of libpq names host, port and role, never the password.
            raise ReportsUnavailableError(f"PostgreSQL does not do it: {error}") from error

    async def _open(self) -> AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(
                self._url,
                autocommit=True,
                prepare_threshold=0,
                connect_timeout=CONNECT_SECONDS,
                tcp_user_timeout=STATEMENT_MILLISECONDS,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                application_name="allot-serving",
                options=(
                    f"-c statement_timeout={STATEMENT_MILLISECONDS}"
                    f" -c lock_timeout={STATEMENT_MILLISECONDS}"
                    f" -c idle_in_transaction_session_timeout={STATEMENT_MILLISECONDS}"
                    " -c timezone=UTC -c synchronous_commit=on"
                ),
            )
        return self._connection
