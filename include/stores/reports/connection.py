"""Connections to PostgreSQL, with a bound on every wait."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow

from include.errors import ReportsUnavailableError
from include.settings import Settings

Connection = psycopg.Connection[TupleRow]


def connect(settings: Settings, *, statement_seconds: float | None = None) -> Connection:
    """Open a connection whose waits all end.

    The server ends a statement, a wait for a lock and an idle transaction after the
    deadline; the kernel gives up on a peer that no longer acknowledges. Nothing is
    committed unless the caller says so.

    Parameters
    ----------
    settings
        Where PostgreSQL is; ``timeout_seconds`` bounds the connection attempt.
    statement_seconds
        Deadline of one statement; ``timeout_seconds`` when left out.

    Raises
    ------
    ReportsUnavailableError
        If PostgreSQL cannot be reached or refuses the credentials.
    """
    deadline = settings.timeout_seconds if statement_seconds is None else statement_seconds
    milliseconds = math.ceil(deadline * 1000)
    try:
        return psycopg.connect(
            settings.database_url.get_secret_value(),
            connect_timeout=max(2, math.ceil(settings.timeout_seconds)),
            tcp_user_timeout=milliseconds,
            application_name="allot",
            options=(
                f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
                f" -c idle_in_transaction_session_timeout={3 * milliseconds} -c timezone=UTC"
            ),
        )
    except psycopg.OperationalError as error:
        # The message of libpq names host, port and role, never the password.
        raise ReportsUnavailableError(
            f"PostgreSQL cannot be reached: {error}. Look at `make status` and ALLOT_DATABASE_URL."
        ) from error


@contextmanager
def transaction(
    settings: Settings, *, statement_seconds: float | None = None
) -> Iterator[Connection]:
    """Open a connection for one transaction: committed at the end, else rolled back.

    Parameters
    ----------
    settings, statement_seconds
        As for `connect`.

    Raises
    ------
    ReportsUnavailableError
        If the connection is lost. The commit may or may not have happened; every write
        of Allot may be repeated, and finds what is already there.
    """
    try:
        with connect(settings, statement_seconds=statement_seconds) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise ReportsUnavailableError(
            f"PostgreSQL was lost during a transaction: {error}. Repeat the step: "
            "it finds what was committed."
        ) from error
