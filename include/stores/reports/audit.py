"""Audits in PostgreSQL: what to recompute, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from include.contract.recompute import LoggedDecision
from include.contract.rules import Rules, rules_of
from include.settings import Settings
from include.stores.reports.connection import Connection, transaction

# A million decisions take about a minute.
AUDIT_SECONDS: Final = 3600.0
KEPT_FINDINGS: Final = 10_000

_DECISIONS: Final = (
    "copy (select decision_id, request_id, unit, cell, version, content_hash,"
    " array_to_string(arms, ' '), array_to_string(arm_ids, ' '), array_to_string(shares, ' '),"
    " array_to_string(buckets, ' '), flag, (erasure is not null)::int,"
    " round(date_part('epoch', decided_at) * 1e6)::bigint from allot.decision"
    " where experiment = %s and received_xid >= %s::xid8 and received_xid < %s::xid8) to stdout"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one audit recomputes.

    Attributes
    ----------
    experiment
        Slug.
    from_xid, to_xid
        First transaction, and the one after the last; all of them have ended.
    from_version
        First weights version.
    """

    experiment: str
    from_xid: int
    to_xid: int
    from_version: int


class Finding(NamedTuple):
    """A row of ``audit_finding``, without its place."""

    subject: str
    name: str
    verdict: str
    what: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What an audit recomputed, and how much of it is not as recomputed, or not known."""

    decisions: int
    versions: int
    differing: int
    unknown: int


def scope_of(connection: Connection, experiment: str, *, everything: bool) -> Scope:
    """Return what is to be recomputed: all, or what came since the last audit that passed."""
    row = connection.execute(
        "select coalesce(max(to_xid), '0'::xid8)::text::bigint, coalesce(max(to_version), -1) + 1,"
        " pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
        " from allot.audit where experiment = %s and differing = 0 and not %s",
        (experiment, everything),
    ).fetchall()[0]
    start, version, horizon = row
    return Scope(experiment, min(start, horizon), horizon, version)


def read_rules(connection: Connection, experiment: str) -> Rules:
    """Return what the experiment's revisions and states have said over time."""
    documents = connection.execute(
        "select document from allot.experiment_revision where experiment = %s", (experiment,)
    )
    states = connection.execute(
        "select state, round(date_part('epoch', changed_at) * 1e6)::bigint"
        " from allot.experiment_state where experiment = %s",
        (experiment,),
    )
    return rules_of([document for (document,) in documents.fetchall()], states.fetchall())


def stream_decisions(connection: Connection, scope: Scope) -> Iterator[LoggedDecision]:
    """Stream the decisions of a scope, in the order in which they lie."""
    place = (scope.experiment, str(scope.from_xid), str(scope.to_xid))
    with connection.cursor() as cursor, cursor.copy(_DECISIONS.encode(), place) as copy:
        for row in copy.rows():
            yield _logged(row)


def _logged(row: Sequence[str | None]) -> LoggedDecision:
    name, request, unit, cell, version, content, arms, arm_ids, shares, buckets, flag, gone, at = (
        row
    )
    return LoggedDecision(
        str(name),
        request,
        unit,
        str(cell),
        int(version or 0),
        str(content),
        _whole(arms),
        (arm_ids or "").split(" "),
        _whole(shares),
        _whole(buckets),
        flag,
        gone == "1",
        int(at or 0),
    )


def _whole(text: str | None) -> list[int]:
    return [int(part) for part in (text or "").split()]


def write_audit(
    settings: Settings,
    scope: Scope,
    counts: Counts,
    findings: Sequence[Finding],
    *,
    code_revision: str,
    dag_run: str,
) -> int:
    """Write what an audit found, the first findings in full; return its number."""
    last = scope.from_version + counts.versions - 1
    with transaction(settings) as connection:
        connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(%s, 5))", (scope.experiment,)
        )
        (number,) = connection.execute(
            "insert into allot.audit (experiment, number, from_xid, to_xid, from_version,"
            " to_version, decisions, versions, differing, unknown, code_revision, dag_run)"
            " select %s, coalesce(max(number), 0) + 1, %s::xid8, %s::xid8,"
            " %s, %s, %s, %s, %s, %s, %s, %s from allot.audit where experiment = %s"
            " returning number",
            (
                *(scope.experiment, str(scope.from_xid), str(scope.to_xid)),
                *(scope.from_version, last, counts.decisions, counts.versions),
                *(counts.differing, counts.unknown, code_revision, dag_run, scope.experiment),
            ),
        ).fetchall()[0]
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into allot.audit_finding (experiment, number, entry, subject, name,"
                " verdict, what, explanation) values (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    (scope.experiment, number, entry, *finding)
                    for entry, finding in enumerate(findings[:KEPT_FINDINGS], 1)
                ],
            )
    return int(number)
