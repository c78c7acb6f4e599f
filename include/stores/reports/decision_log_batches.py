"""Batches of the decision log as rows: what silver holds of each, and what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True)
class LogBatch:
    """What silver holds of a batch; columns of ``log_batch``.

    Attributes
    ----------
    objects
        Bronze objects that it was made from: kind, and number of the export.
    """

    experiment: str
    batch_id: str
    content_hash: str
    lake_version: int
    number: int
    decisions: int
    rows_in: int
    rows_silver: int
    rows_flagged: int
    rows_quarantined: int
    rewards_joined: int
    versions: Sequence[int]
    docs_key: str
    checked_at: datetime
    objects: Sequence[tuple[str, int]]


class ArmCount(NamedTuple):
    """Decisions of a batch in silver by version or flag, position and arm; a row of ``log_arm``.

    Of them ``exposed`` were shown; of the others so many were rewarded. ``None``: not declared.
    """

    policy: str
    position: int
    arm: int
    decisions: int
    exposed: int | None
    unexposed_rewards: int | None


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """What aggregation needs to know of a batch in silver."""

    batch_id: str
    content_hash: str
    versions: frozenset[int]
    aggregated: str | None


def write_batch(
    connection: Connection,
    batch: LogBatch,
    refused: Mapping[tuple[str, int], int],
    arms: Sequence[ArmCount],
) -> None:
    """Replace what is recorded of a batch, unless newer exports were read for it since."""
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 5))",
        (f"{batch.experiment}/{batch.batch_id}",),
    )
    newer = connection.execute(
        "select 1 from allot.log_batch where experiment = %s and batch_id = %s and number > %s",
        (batch.experiment, batch.batch_id, batch.number),
    ).fetchone()
    if newer is not None:
        return
    connection.execute(
        "insert into allot.log_batch as b (experiment, batch_id, content_hash, lake_version,"
        " number, decisions, rows_in, rows_silver, rows_flagged, rows_quarantined,"
        " rewards_joined, versions, docs_key, checked_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (experiment, batch_id) do update set content_hash = excluded.content_hash,"
        " lake_version = excluded.lake_version, number = excluded.number,"
        " decisions = excluded.decisions, rows_in = excluded.rows_in,"
        " rows_silver = excluded.rows_silver, rows_flagged = excluded.rows_flagged,"
        " rows_quarantined = excluded.rows_quarantined,"
        " rewards_joined = excluded.rewards_joined, versions = excluded.versions,"
        " docs_key = excluded.docs_key, checked_at = excluded.checked_at",
        (
            *(batch.experiment, batch.batch_id, batch.content_hash, batch.lake_version),
            *(batch.number, batch.decisions, batch.rows_in, batch.rows_silver),
            *(batch.rows_flagged, batch.rows_quarantined, batch.rewards_joined),
            *(list(batch.versions), batch.docs_key, batch.checked_at),
        ),
    )
    _write_refusals(connection, batch, refused)
    _write_objects(connection, batch)
    _write_arms(connection, batch, arms)


def _write_refusals(
    connection: Connection, batch: LogBatch, refused: Mapping[tuple[str, int], int]
) -> None:
    key = (batch.experiment, batch.batch_id)
    connection.execute("delete from allot.log_refusal where experiment = %s and batch_id = %s", key)
    for (expectation, arm), rows in sorted(refused.items()):
        connection.execute(
            "insert into allot.log_refusal (experiment, batch_id, expectation, arm, rows)"
            " values (%s, %s, %s, %s, %s)",
            (*key, expectation, arm, rows),
        )


def _write_objects(connection: Connection, batch: LogBatch) -> None:
    """Note what a batch was made from; where the same rows were made before, that stands."""
    key = (batch.experiment, batch.batch_id, batch.lake_version)
    known = connection.execute(
        "select 1 from allot.log_batch_object"
        " where experiment = %s and batch_id = %s and lake_version = %s",
        key,
    ).fetchone()
    if known is not None:
        return
    for kind, number in batch.objects:
        connection.execute(
            "insert into allot.log_batch_object (experiment, batch_id, lake_version, kind, number)"
            " values (%s, %s, %s, %s, %s)",
            (*key, kind, number),
        )


def _write_arms(connection: Connection, batch: LogBatch, arms: Sequence[ArmCount]) -> None:
    key = (batch.experiment, batch.batch_id)
    connection.execute("delete from allot.log_arm where experiment = %s and batch_id = %s", key)
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into allot.log_arm (experiment, batch_id, policy, position, arm, decisions,"
            " exposed, unexposed_rewards) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [(*key, *row) for row in arms],
        )


def known_batches(connection: Connection, experiment: str) -> list[KnownBatch]:
    """Return the batches that silver holds of an experiment, in order."""
    rows = connection.execute(
        "select batch_id, content_hash, versions, aggregated from allot.log_batch"
        " where experiment = %s order by batch_id",
        (experiment,),
    )
    return [KnownBatch(name, digest, frozenset(seen), by) for name, digest, seen, by in rows]


def mark_aggregated(connection: Connection, experiment: str, batch_id: str, inputs: str) -> None:
    """Note what the sums of a batch were made from."""
    connection.execute(
        "update allot.log_batch set aggregated = %s where experiment = %s and batch_id = %s",
        (inputs, experiment, batch_id),
    )
