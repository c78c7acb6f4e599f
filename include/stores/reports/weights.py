"""Published weights in PostgreSQL: one append-only chain of snapshots per experiment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.contract.published import Published
from include.contract.shadow import ShadowContent
from include.contract.weights import WeightsContent
from include.errors import LineageError, UnknownExperimentError
from include.experiments.schema import Experiment
from include.stores.reports.connection import Connection
from include.stores.reports.shadows import insert_shadow
from include.stores.reports.sums import BatchReference
from include.stores.reports.trail import Trail, default_trail, insert_trail

_SELECT: Final = (
    "select content, content_hash, provenance from allot.weights_snapshot where experiment = %s"
)


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A version that is ready to be published, with the trail that explains it.

    Attributes
    ----------
    content
        The hashed part; its parent is the head that was read.
    version
        Head's version + 1.
    revision
        Number of the revision in force.
    provenance
        What travels beside the content, without ``version``.
    batches
        The sums that were folded.
    trail
        Posterior, limits and reason.
    shadow
        What the challenger would have published; ``None`` without one.
    """

    content: WeightsContent
    version: int
    revision: int
    provenance: Mapping[str, Json]
    batches: Sequence[BatchReference]
    trail: Trail
    shadow: ShadowContent | None = None


def insert_snapshot(connection: Connection, new: NewSnapshot) -> tuple[Published, bool]:
    """Append a snapshot to the chain, unless its parent already has a child.

    Parameters
    ----------
    connection
        An open transaction; the caller commits.
    new
        The version to append.

    Returns
    -------
    tuple
        The child of that parent, ours or the winner's, and whether it is ours.

    Raises
    ------
    LineageError
        If the parent is not the head.
    """
    content = new.content
    won = connection.execute(
        "insert into allot.weights_snapshot (experiment, version, parent, content_hash, content,"
        " revision, batch_id, statistics_hash, provenance)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning 1",
        (
            content.experiment,
            new.version,
            content.parent,
            content.hash(),
            content.canonical().decode(),
            new.revision,
            content.batch,
            content.statistics,
            Jsonb({**new.provenance, "version": new.version}),
        ),
    ).fetchone()
    if won is not None:
        _insert_batches(connection, new)
        insert_trail(connection, content.experiment, new.version, new.trail)
        if new.shadow is not None:
            insert_shadow(connection, new.version, new.shadow)
    return _child(connection, content), won is not None


def insert_version_zero(
    connection: Connection, experiment: Experiment, content: WeightsContent, now: datetime
) -> None:
    """Write the declared default shares of a new experiment."""
    provenance: dict[str, Json] = {"effective_from": now.isoformat(), "reason": "created"}
    trail = default_trail(experiment, content)
    insert_snapshot(connection, NewSnapshot(content, 0, 1, provenance, (), trail))


def head(connection: Connection, experiment: str) -> Published:
    """Return the newest snapshot of an experiment, which is the live one.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    """
    return _all(connection, experiment, " order by version desc limit 1")[0]


def history(connection: Connection, experiment: str) -> list[Published]:
    """Return every snapshot of an experiment, oldest first.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    """
    return _all(connection, experiment, " order by version")


def snapshots(connection: Connection, experiment: str, versions: Sequence[int]) -> list[Published]:
    """Return the published ones of some versions, oldest first."""
    rows = connection.execute(
        _SELECT + " and version = any(%s) order by version", (experiment, list(versions))
    ).fetchall()
    return [_published(row) for row in rows]


def _all(connection: Connection, experiment: str, order: LiteralString) -> list[Published]:
    rows = connection.execute(_SELECT + order, (experiment,)).fetchall()
    if not rows:
        raise UnknownExperimentError(f"no experiment {experiment!r} has weights")
    return [_published(row) for row in rows]


def folded_batches(connection: Connection, experiment: str, version: int) -> list[BatchReference]:
    """Return the sums that a version folded, in batch order."""
    rows = connection.execute(
        "select batch_id, statistics_hash from allot.weights_batch"
        " where experiment = %s and version = %s order by batch_id",
        (experiment, version),
    )
    return [BatchReference(batch_id, name) for batch_id, name in rows]


def _child(connection: Connection, content: WeightsContent) -> Published:
    row = connection.execute(
        _SELECT + " and parent = %s", (content.experiment, content.parent)
    ).fetchone()
    if row is None:
        raise LineageError(
            f"experiment {content.experiment!r}: {content.parent} is not its head any more; "
            "run the update again"
        )
    return _published(row)


def _insert_batches(connection: Connection, new: NewSnapshot) -> None:
    connection.execute(
        "insert into allot.weights_batch (experiment, version, batch_id, statistics_hash)"
        " select %s, %s, folded.* from unnest(%s::text[], %s::text[]) as folded",
        (
            new.content.experiment,
            new.version,
            [batch.batch_id for batch in new.batches],
            [batch.statistics_hash for batch in new.batches],
        ),
    )


def _published(row: tuple[Any, ...]) -> Published:
    content, content_hash, provenance = row
    # PostgreSQL itself holds that the text hashes to its name.
    return Published(WeightsContent.from_json(json.loads(content)), content_hash, provenance)
