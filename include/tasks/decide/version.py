"""The version of the weights that a new revision leads to, in the transaction that makes it."""

from collections.abc import Mapping

from include.contract.canonical import Json
from include.contract.published import Published
from include.stores.reports.connection import Connection
from include.stores.reports.experiments import Revision
from include.stores.reports.weights import folded_batches, head, insert_snapshot
from include.tasks.update import build_snapshot
from include.tasks.update_steps import Step


def append_revision(
    connection: Connection, revision: Revision, provenance: Mapping[str, Json]
) -> Published:
    """Append the version that obeys a revision, from what the head folded.

    Another update may append a version meanwhile; then this one follows it.
    """
    slug = revision.experiment.slug
    while True:
        live = head(connection, slug)
        if live.content.revision == revision.revision_hash:
            return live
        step = Step("revision", tuple(folded_batches(connection, slug, live.version)))
        new = build_snapshot(connection, revision, live, step, provenance)
        published, ours = insert_snapshot(connection, new)
        if ours:
            return published
