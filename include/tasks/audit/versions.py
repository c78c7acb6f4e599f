"""Recompute published versions from the rows that they name: sums → posterior → bytes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any, Final

from include.contract.published import Published
from include.contract.weights import WeightsContent
from include.errors import AllotError
from include.experiments.revision import version_zero
from include.stores.reports.audit import Finding
from include.stores.reports.connection import Connection
from include.stores.reports.experiments import Revision
from include.stores.reports.shadows import Shadow, shadow_of
from include.stores.reports.trail import ArmTrail
from include.stores.reports.weights import folded_batches
from include.tasks.update_steps import Step

RECOMPUTED: Final = ("batch", "restatement", "revision", "ramp")
_CLOSE: Final = 1e-9


def version_findings(
    connection: Connection,
    chain: Sequence[Published],
    revisions: Mapping[str, Revision],
    from_version: int = 0,
) -> Iterator[Finding]:
    """Yield what differs between published versions and their recomputation.

    Parameters
    ----------
    connection
        An open transaction, only read from.
    chain
        All versions of an experiment, oldest first.
    revisions
        Its revisions by hash.
    from_version
        First version to recompute.
    """
    for parent, published in zip([None, *chain], chain, strict=False):
        if published.version >= from_version:
            yield from _findings(connection, parent, published, revisions)


def _findings(
    connection: Connection,
    parent: Published | None,
    published: Published,
    revisions: Mapping[str, Revision],
) -> Iterator[Finding]:
    name = f"v{published.version}"
    revision = revisions.get(published.content.revision)
    if revision is None:
        yield _differs(name, "content", f"names revision {published.content.revision}, not known")
        return
    if parent is None:
        expected = version_zero(revision.experiment).hash()
        if expected != published.content_hash:
            yield _differs(name, "content", f"the declared default shares hash to {expected}")
        return
    reason = _reason(connection, published)
    if reason == "rollback":
        yield from _rolled_back(connection, parent, published, revision)
        return
    if reason not in RECOMPUTED:
        yield Finding(
            "version", name, "unknown", "content", f"made for the reason {reason!r}, not from sums"
        )
        return
    yield from _recompute(connection, parent, published, revision, name)


def _recompute(
    connection: Connection, parent: Published, published: Published, revision: Revision, name: str
) -> Iterator[Finding]:
    from include.tasks.update import build_snapshot

    content = published.content
    batches = tuple(folded_batches(connection, content.experiment, published.version))
    stored = shadow_of(connection, content.experiment, published.version)
    beside = None if stored is None else Shadow(stored[0].since, stored[0].share)
    step = Step("batch", batches, shadow=beside)
    if beside is not None and revision.experiment.challenger is None:
        yield _differs(name, "shadow", "stands beside it, though its revision has no challenger")
        return
    try:
        new = build_snapshot(connection, revision, parent, step, {})
    except AllotError as error:
        yield _differs(name, "statistics", str(error))
        return
    if new.content.method != content.method:
        told = f"made by {content.method}, this code computes {new.content.method}"
        yield Finding("version", name, "unknown", "method", told)
        return
    if new.content.hash() != published.content_hash:
        yield _differs(name, "content", _difference(content.as_json(), new.content.as_json()))
    if new.shadow is not None and stored is not None and new.shadow.hash() != stored[1]:
        told = _difference(stored[0].as_json(), new.shadow.as_json())
        yield _differs(name, "shadow", told)
    yield from _trail(connection, published, name, new.trail.arms)


def _rolled_back(
    connection: Connection, parent: Published, published: Published, revision: Revision
) -> Iterator[Finding]:
    """Compare a roll-back with the version whose buckets it names, laid upon its parent."""
    from include.bandit.rollback import rolled_back

    row = connection.execute(
        "select w.content from allot.allocation_event as e left join allot.weights_snapshot as w"
        " on w.experiment = e.experiment and w.version = e.restored"
        " where e.experiment = %s and e.version = %s",
        (published.content.experiment, published.version),
    ).fetchone()
    restored = None if row is None or row[0] is None else json.loads(row[0])
    expected = rolled_back(
        revision.experiment,
        parent.content,
        None if restored is None else WeightsContent.from_json(restored),
    )
    if expected.hash() != published.content_hash:
        told = _difference(published.content.as_json(), expected.as_json())
        yield _differs(f"v{published.version}", "content", told)


def _difference(stored: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    names = [name for name in expected if stored.get(name) != expected[name]]
    told = [f"{name} is {str(stored.get(name))[:120]}, recomputed {str(expected[name])[:120]}"
            for name in names]  # fmt: skip
    return "; ".join(told)


def _trail(
    connection: Connection, published: Published, name: str, arms: Sequence[ArmTrail]
) -> Iterator[Finding]:
    """Compare the rows that explain a version with those that belong to it."""
    experiment = published.content.experiment
    place = (experiment, published.version)
    beliefs = connection.execute(
        "select cell, slot, arm, n, sum_r, mean, sd from allot.posterior_snapshot"
        " where experiment = %s and version = %s",
        place,
    ).fetchall()
    shares = connection.execute(
        "select cell, slot, arm, best_probability, proposed, buckets from allot.allocation"
        " where experiment = %s and version = %s",
        place,
    ).fetchall()
    expected_beliefs = {
        (row.cell, row.slot, row.arm): (
            *(row.belief.n, row.belief.sum_r, row.belief.mean, row.belief.sd),
        )
        for row in arms
        if row.belief is not None
    }
    expected_shares = {
        (row.cell, row.slot, row.arm): (row.best_probability, row.proposed, row.buckets)
        for row in arms
    }
    for what, stored, expected in (
        ("posterior", beliefs, expected_beliefs),
        ("allocation", shares, expected_shares),
    ):
        wrong = _unequal({tuple(row[:3]): tuple(row[3:]) for row in stored}, expected)
        if wrong:
            yield _differs(name, what, f"rows differ at (cell, slot, arm) {wrong[:5]}")


def _unequal(
    stored: Mapping[tuple[Any, ...], tuple[Any, ...]],
    expected: Mapping[tuple[Any, ...], tuple[Any, ...]],
) -> list[tuple[Any, ...]]:
    return [
        key
        for key in sorted(stored.keys() | expected.keys())
        if not _same(stored.get(key), expected.get(key))
    ]


def _same(stored: tuple[Any, ...] | None, expected: tuple[Any, ...] | None) -> bool:
    if stored is None or expected is None:
        return False
    return all(
        left == right
        or (
            left is not None
            and right is not None
            and isclose(left, right, rel_tol=_CLOSE, abs_tol=_CLOSE)
        )
        for left, right in zip(stored, expected, strict=True)
    )


def _reason(connection: Connection, published: Published) -> str | None:
    row = connection.execute(
        "select reason from allot.allocation_event where experiment = %s and version = %s",
        (published.content.experiment, published.version),
    ).fetchone()
    return None if row is None else str(row[0])


def _differs(name: str, what: str, explanation: str) -> Finding:
    return Finding("version", name, "differs", what, explanation)
