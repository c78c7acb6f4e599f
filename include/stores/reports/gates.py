"""Decisions on challengers in PostgreSQL: append-only, the newest of a challenger counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from include.bandit.gate.ramp import Standing
from include.bandit.gate.verdict import Judged, Verdict
from include.experiments.schema import Experiment
from include.stores.reports.connection import Connection
from include.stores.reports.experiments import Revision, revisions
from include.stores.reports.shadows import Shadow


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows said: verdict, newest closed batch, what was read, and by which code."""

    verdict: Verdict
    batch_id: str | None
    evidence_hash: str
    code_revision: str
    judged: Sequence[Judged]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on a challenger.

    Attributes
    ----------
    since
        Revision with which the challenger stood against its incumbent first.
    standing
        Where it stands from now on.
    explanation
        Why.
    evidence
        What the rows said; ``None`` where a roll-back decided.
    weights_version
        What was live.
    decided_by
        Who.
    """

    since: int
    standing: Standing
    explanation: str
    evidence: Evidence | None
    weights_version: int
    decided_by: str


def since_of(connection: Connection, revision: Revision) -> int:
    """Return the revision with which the challenger in force stood against this incumbent first.

    Revisions that change neither go on with the same evidence; a challenger that was taken back
    and registered again begins anew.
    """
    since, pair = revision.number, _pair(revision.experiment)
    for before in reversed(revisions(connection, revision.experiment.slug)):
        if before.number < since:
            if _pair(before.experiment) != pair:
                break
            since = before.number
    return since


def newest(connection: Connection, experiment: str, since: int) -> tuple[Standing, int]:
    """Return where a challenger stands, and the version that was live when it came there.

    One of which nothing was decided stands in the shadow, since version 0.
    """
    row = connection.execute(
        "select state, step, share from allot.gate_decision"
        " where experiment = %s and since = %s order by number desc limit 1",
        (experiment, since),
    ).fetchone()
    if row is None:
        return Standing(), 0
    # Decisions that only read anew repeat the standing: it began behind the last other one.
    began = connection.execute(
        "select min(weights_version) from allot.gate_decision where experiment = %(slug)s"
        " and since = %(since)s and number > coalesce((select max(number)"
        " from allot.gate_decision where experiment = %(slug)s and since = %(since)s"
        " and (state, coalesce(step, -1)) <> (%(state)s, coalesce(%(step)s::smallint, -1))), 0)",
        {"slug": experiment, "since": since, "state": row[0], "step": row[1]},
    ).fetchall()[0][0]
    return Standing(*row), int(began)


def due_shadow(connection: Connection, revision: Revision) -> Shadow | None:
    """Return the shadow that the next version gets; ``None`` without a challenger that counts."""
    if revision.experiment.challenger is None:
        return None
    since = since_of(connection, revision)
    standing, _ = newest(connection, revision.experiment.slug, since)
    counts = standing.state in {"shadow", "ramp"}
    return Shadow(since, standing.share) if counts else None


def write_decision(connection: Connection, experiment: Experiment, decision: Decision) -> bool:
    """Append a decision, unless the newest one says the same of the same rows.

    The caller holds the guard's lock.

    Returns
    -------
    bool
        Whether it was written.
    """
    slug, standing, evidence = experiment.slug, decision.standing, decision.evidence
    said = (
        *(decision.since, standing.state, standing.step, standing.share),
        None if evidence is None else evidence.evidence_hash,
    )
    before = connection.execute(
        "select since, state, step, share, evidence_hash from allot.gate_decision"
        " where experiment = %s order by number desc limit 1",
        (slug,),
    ).fetchone()
    if before == said:
        return False
    challenger = experiment.challenger
    row = connection.execute(
        "insert into allot.gate_decision (experiment, number, since, challenger, state, step,"
        " share, verdict, explanation, margin, batch_id, evidence_hash, weights_version,"
        " decided_by, code_revision) select %(slug)s::text, coalesce(max(number), 0) + 1,"
        " %(since)s, %(challenger)s, %(state)s, %(step)s, %(share)s, %(verdict)s, %(told)s,"
        " %(margin)s, %(batch)s, %(evidence)s, %(version)s, %(by)s, %(code)s"
        " from allot.gate_decision where experiment = %(slug)s::text returning number",
        {
            "slug": slug,
            "since": decision.since,
            "challenger": Jsonb(None if challenger is None else challenger.model_dump(mode="json")),
            "state": standing.state,
            "step": standing.step,
            "share": standing.share,
            "verdict": None if evidence is None else evidence.verdict,
            "told": decision.explanation,
            "margin": experiment.promotion.margin,
            "batch": None if evidence is None else evidence.batch_id,
            "evidence": None if evidence is None else evidence.evidence_hash,
            "version": decision.weights_version,
            "by": decision.decided_by,
            "code": None if evidence is None else evidence.code_revision,
        },
    ).fetchall()[0]
    if evidence is not None:
        _insert_differences(connection, slug, int(row[0]), evidence.judged)
    return True


def _insert_differences(
    connection: Connection, experiment: str, number: int, judged: Sequence[Judged]
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into allot.gate_difference (experiment, number, position, verdict, reason,"
            " batches, observations, lower, estimate, upper, effective_sample_size, mean_weight,"
            " support, changed)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(experiment, number, one.position, one.verdict, one.reason, one.batches),
                    *(one.observations, one.lower, one.estimate, one.upper),
                    *(one.effective_sample_size, one.mean_weight, one.support, one.changed),
                )
                for one in judged
            ],
        )


def _pair(experiment: Experiment) -> tuple[Any, Any]:
    return experiment.policy, experiment.challenger
