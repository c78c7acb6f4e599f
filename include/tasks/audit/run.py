"""One audit of one experiment, and what a run of audits ends with."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as joined
from typing import Final, TypedDict

from include.contract.recompute import LoggedDecision, Recomputer
from include.errors import AuditError
from include.revision import code_revision
from include.settings import Settings
from include.stores.reports.audit import (
    AUDIT_SECONDS,
    KEPT_FINDINGS,
    Counts,
    Finding,
    read_rules,
    scope_of,
    stream_decisions,
    write_audit,
)
from include.stores.reports.connection import transaction
from include.stores.reports.experiments import revisions
from include.stores.reports.weights import history
from include.tasks.audit.versions import version_findings
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)
SHOWN: Final = 20


class AuditRow(TypedDict):
    """What an audit of an experiment recomputed and found; a row of the task's log."""

    experiment: str
    audit: int
    decisions: int
    versions: int
    differing: int
    unknown: int


def audit_experiment(
    settings: Settings, slug: str, *, everything: bool = False, dag_run: str = ""
) -> AuditRow:
    """Recompute an experiment's decisions and versions; write what differs.

    Only reads what it judges, all of it at one instant. It never fails by what it finds:
    `report_audits` does.

    Parameters
    ----------
    settings
        Where PostgreSQL is.
    slug
        Experiment.
    everything
        Whether to recompute all there is, rather than what came since the last audit that
        passed.
    dag_run
        Kept with the result.
    """
    with transaction(settings, statement_seconds=AUDIT_SECONDS) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        scope = scope_of(connection, slug, everything=everything)
        chain = history(connection, slug)
        known = {each.revision_hash: each for each in revisions(connection, slug)}
        recomputer = Recomputer(chain, read_rules(connection, slug))
        tally = _Tally()
        tally.note(version_findings(connection, chain, known, scope.from_version))
        tally.judge(stream_decisions(connection, scope), recomputer)
    versions = chain[-1].version - scope.from_version + 1
    counts = Counts(tally.decisions, versions, tally.differing, tally.unknown)
    revision = code_revision(settings)
    number = write_audit(
        settings, scope, counts, tally.findings, code_revision=revision, dag_run=dag_run
    )
    for finding in tally.findings[:SHOWN]:
        _log.warning("%s %s: %s: %s", slug, finding.name, finding.what, finding.explanation)
    return AuditRow(
        experiment=slug,
        audit=number,
        decisions=counts.decisions,
        versions=counts.versions,
        differing=counts.differing,
        unknown=counts.unknown,
    )


class _Tally:
    """Counts what differs, and keeps as many findings as are written."""

    def __init__(self) -> None:
        self.decisions = 0
        self.differing = 0
        self.unknown = 0
        self.findings: list[Finding] = []

    def note(self, found: Iterable[Finding]) -> None:
        named: dict[str, set[str]] = {"differs": set(), "unknown": set()}
        for finding in found:
            named[finding.verdict].add(finding.name)
            if len(self.findings) < KEPT_FINDINGS:
                self.findings.append(finding)
        self.differing += len(named["differs"])
        self.unknown += len(named["unknown"] - named["differs"])

    def judge(self, records: Iterator[LoggedDecision], recomputer: Recomputer) -> None:
        for record in records:
            self.decisions += 1
            faults = recomputer.faults(record)
            first = next(faults, None)
            if first is None:
                continue
            self.note(
                Finding("decision", record.decision_id, "differs", fault.what, fault.explanation)
                for fault in joined([first], faults)
            )


def report_audits(experiments: Sequence[str], rows: Sequence[AuditRow]) -> None:
    """Log what was recomputed, and fail if anything differs or an audit did not run.

    Raises
    ------
    AuditError
        Naming the experiments; the rows stand in ``allot.audit_finding``.
    """
    log_summary(_log, "audit", rows)
    missing = sorted(set(experiments) - {row["experiment"] for row in rows})
    wrong = [row for row in rows if row["differing"]]
    if not wrong and not missing:
        return
    told = [
        f"{row['experiment']}: {row['differing']:,} differ (audit {row['audit']})" for row in wrong
    ]
    if missing:
        told.append(f"not audited: {', '.join(missing)}")
    raise AuditError(
        f"{'; '.join(told)}. What differs stands in allot.audit_finding; docs/howto/audit.md says "
        "how to read it"
    )
