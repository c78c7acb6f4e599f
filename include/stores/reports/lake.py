"""What came into the lake and what validation found, as rows in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Literal

from include.settings import Settings
from include.stores.lake.bronze import BronzeObject
from include.stores.reports.connection import Connection, transaction


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What one expectation found in a bronze object; columns of ``validation_result``."""

    suite: str
    expectation: str
    severity: str
    says: str
    evaluated: int
    unexpected: int
    observed: str


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcome of validating a bronze object.

    Attributes
    ----------
    verdict, reason
        Whether its rows went to silver, and why not.
    rows_in, rows_silver, rows_quarantined
        Counts; ``rows_in`` is what was read.
    lake_version, content_hash
        What silver holds now; None where refused.
    docs_key
        Report in the docs bucket.
    results
        One per expectation.
    refused
        Refused rows by expectation and arm, None for an unreadable arm.
    """

    verdict: Literal["accepted", "refused"]
    reason: str
    rows_in: int
    rows_silver: int
    rows_quarantined: int
    lake_version: int | None
    content_hash: str | None
    docs_key: str
    results: Sequence[ResultRow]
    refused: Mapping[tuple[str, int | None], int]


def write_bronze_object(settings: Settings, found: BronzeObject) -> None:
    """Record a bronze object; the same one again changes nothing."""
    with transaction(settings) as connection:
        connection.execute(
            "insert into allot.bronze_object (source, behavior_policy, sha256, object_key,"
            " size_bytes, row_count, source_name, etag, first_seen)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (
                found.source,
                found.behavior_policy,
                found.sha256,
                found.key,
                found.size,
                found.rows,
                found.source_name,
                found.etag,
                found.first_seen,
            ),
        )


def write_validation(
    settings: Settings, found: BronzeObject, outcome: Validation, *, checked_at: datetime
) -> None:
    """Replace what is recorded of a bronze object's validation, in one transaction.

    Two processes may do so at once: a lock per object orders them.
    """
    key = (found.source, found.behavior_policy, found.sha256)
    with transaction(settings) as connection:
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 3))", ("/".join(key),)
        )
        _clear(connection, key)
        connection.execute(
            "insert into allot.validation (source, behavior_policy, sha256, verdict, reason,"
            " rows_in, rows_silver, rows_quarantined, lake_version, content_hash, docs_key,"
            " checked_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *key,
                outcome.verdict,
                outcome.reason,
                outcome.rows_in,
                outcome.rows_silver,
                outcome.rows_quarantined,
                outcome.lake_version,
                outcome.content_hash,
                outcome.docs_key,
                checked_at,
            ),
        )
        _insert_details(connection, key, outcome)


def _clear(connection: Connection, key: tuple[str, str, str]) -> None:
    where = "where source = %s and behavior_policy = %s and sha256 = %s"
    for statement in (
        "delete from allot.quarantine_count {}",
        "delete from allot.validation_result {}",
        "delete from allot.validation {}",
    ):
        connection.execute(statement.format(where), key)


def _insert_details(connection: Connection, key: tuple[str, str, str], outcome: Validation) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into allot.validation_result (source, behavior_policy, sha256, suite,"
            " expectation, severity, says, evaluated, unexpected, observed)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            # A NUL of the log is text that PostgreSQL cannot hold.
            [
                (*key, *astuple(row)[:-1], row.observed.replace("\0", "\\0"))
                for row in outcome.results
            ],
        )
        cursor.executemany(
            "insert into allot.quarantine_count (source, behavior_policy, sha256, expectation,"
            " arm, row_count) values (%s, %s, %s, %s, %s, %s)",
            [(*key, name, arm, rows) for (name, arm), rows in sorted_counts(outcome.refused)],
        )


def sorted_counts(
    refused: Mapping[tuple[str, int | None], int],
) -> list[tuple[tuple[str, int | None], int]]:
    """Return the counts by expectation and arm, rows without an arm first."""
    return sorted(
        refused.items(), key=lambda item: (item[0][0], -1 if item[0][1] is None else item[0][1])
    )
