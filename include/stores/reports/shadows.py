"""Shadows in PostgreSQL: a challenger's shares, frozen with the version whose decisions they judge.

The database refuses a shadow that is not written in the transaction of its version.
"""

import json
from dataclasses import dataclass

from include.contract.shadow import ShadowContent
from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True)
class Shadow:
    """Which challenger stands beside a version, and how much of the version follows it.

    Attributes
    ----------
    since
        Revision with which it stood against its incumbent first.
    share
        0 in the shadow.
    """

    since: int
    share: float = 0.0


def insert_shadow(connection: Connection, version: int, content: ShadowContent) -> None:
    """Write the shadow of a version, in the transaction that publishes it."""
    connection.execute(
        "insert into allot.shadow_allocation (experiment, version, since, share, weights_hash,"
        " content_hash, content) values (%s, %s, %s, %s, %s, %s, %s)",
        (
            *(content.experiment, version, content.since, content.share, content.weights),
            *(content.hash(), content.canonical().decode()),
        ),
    )


def shadow_of(
    connection: Connection, experiment: str, version: int
) -> tuple[ShadowContent, str] | None:
    """Return the shadow of a version with its hash; ``None`` where it has none."""
    row = connection.execute(
        "select content, content_hash from allot.shadow_allocation"
        " where experiment = %s and version = %s",
        (experiment, version),
    ).fetchone()
    return None if row is None else (ShadowContent.from_json(json.loads(row[0])), row[1])


def shadows_since(
    connection: Connection, experiment: str, since: int
) -> dict[int, tuple[ShadowContent, str]]:
    """Return version to shadow and hash, of one challenger against one incumbent."""
    rows = connection.execute(
        "select version, content, content_hash from allot.shadow_allocation"
        " where experiment = %s and since = %s order by version",
        (experiment, since),
    )
    return {
        version: (ShadowContent.from_json(json.loads(content)), name)
        for version, content, name in rows
    }


def published_share(connection: Connection, experiment: str, version: int) -> float:
    """Return the part of a version that follows a challenger; 0 where none stood beside it."""
    row = connection.execute(
        "select share from allot.shadow_allocation where experiment = %s and version = %s",
        (experiment, version),
    ).fetchone()
    return 0.0 if row is None else float(row[0])
