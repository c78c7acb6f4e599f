"""Gate: judge a challenger by the rows drawn beside its frozen shares, and move its ramp."""

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from include.contract.canonical import Json
from include.experiments.ending import promoted
from include.revision import code_revision
from include.settings import Settings
from include.stores.reports import gates, holds
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.experiments import Revision, Submission, lock, read, submit
from include.tasks.decide.version import append_revision
from include.tasks.gate_evidence import (
    Case,
    blocked,
    judge_positions,
    passed_in_a_row,
    read_case,
)
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    from include.bandit.gate.ramp import Standing

PROMOTER: Final = "allot (gate)"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GateReport:
    """What gating an experiment found.

    Attributes
    ----------
    challenger
        Its policy; ``None`` where there is none.
    before, after
        Where it stood and stands; ``None`` without a challenger, or where nothing was judged.
    verdict
        ``pass``, ``wait``, ``fail`` or ``unknown``; ``None`` where nothing was judged.
    explanation
        Why, in words and numbers.
    written
        Whether a decision was written: the same again is not.
    """

    experiment: str
    challenger: str | None
    before: "Standing | None"
    after: "Standing | None"
    verdict: str | None
    explanation: str
    written: bool = False

    @property
    def moved(self) -> bool:
        """Whether this call moved the challenger."""
        return self.written and self.before != self.after


def gate_experiment(settings: Settings, slug: str, *, dag_run: str) -> GateReport:
    """Judge the challenger of an experiment, and write what follows; repeating changes nothing.

    One transaction under the experiment's locks reads the evidence, writes the decision and, at
    the end of the ramp, the revision with its version: of two at once the second finds it done,
    and one that is killed has done nothing. The next update publishes the share.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    with transaction(settings) as connection:
        # Nobody else takes both locks; roll-backs and guards take the first, revisions the other.
        holds.lock_guard(connection, slug)
        lock(connection, slug)
        revision = read(connection, slug)
        challenger = revision.experiment.challenger
        if challenger is None:
            return GateReport(slug, None, None, None, None, "it has no challenger")
        standing = holds.standing(connection, slug)
        stops = standing.stops
        if stops is None and revision.experiment.mode == "aa":
            stops = "A/A: traffic stays as declared"
        if stops is not None:
            return GateReport(slug, challenger.name, None, None, None, stops)
        since = gates.since_of(connection, revision)
        at = gates.newest(connection, slug, since)
        if at[0].state == "rejected":
            told = "it was rejected before; to try again, take it back and register it anew"
            return GateReport(slug, challenger.name, at[0], at[0], None, told)
        case = read_case(connection, revision.experiment, since, standing)
        decision = _decision(case, since, at, dag_run, code_revision(settings))
        written = gates.write_decision(connection, revision.experiment, decision)
        if written and decision.standing.state == "promoted":
            _promote(connection, revision, decision, dag_run, code_revision(settings))
    evidence = decision.evidence
    verdict, judged = (None, []) if evidence is None else (evidence.verdict, evidence.judged)
    log_summary(_log, f"{slug}: {challenger.name}", [asdict(one) for one in judged])
    _log.info("%s: %s: %s", slug, decision.standing.state, decision.explanation)
    return GateReport(
        slug, challenger.name, at[0], decision.standing, verdict, decision.explanation, written
    )


def _decision(
    case: Case, since: int, at: "tuple[Standing, int]", dag_run: str, code: str
) -> gates.Decision:
    from include.bandit.gate.ramp import Facts, follow
    from include.bandit.gate.verdict import combined

    now, began = at
    judged = judge_positions(case)
    verdict, told = combined(judged)
    facts = Facts(
        verdict=verdict,
        told=told,
        blocked=blocked(case),
        untrusted=case.untrusted,
        passed=passed_in_a_row(case, now.share, began),
    )
    after, why = follow(now, facts, case.experiment.promotion)
    newest = case.batches[-1].batch_id if case.batches else None
    evidence = gates.Evidence(verdict, newest, case.evidence_hash(), code, judged)
    return gates.Decision(since, after, why, evidence, case.chain[-1].version, dag_run)


def _promote(
    connection: Connection, revision: Revision, decision: gates.Decision, dag_run: str, code: str
) -> None:
    """Put the challenger's policy in force: a new revision, and the version that obeys it."""
    challenger = revision.experiment.challenger
    name = "the challenger" if challenger is None else challenger.name
    why = f"{name} passed its gate: {decision.explanation}"
    submission = Submission("api", PROMOTER, why, revision.revision_hash)
    after = submit(connection, promoted(revision.experiment), submission)
    provenance: dict[str, Json] = {"dag_run": dag_run, "lake_version": None, "code_revision": code}
    append_revision(connection, after, provenance)
