"""The decision step of one experiment: judgement → rule → one row, and who is told."""

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from include.experiments.schema import Experiment
from include.notify import Event, notify
from include.revision import code_revision as running_revision
from include.settings import Settings
from include.stores.reports import decisions
from include.stores.reports.connection import Connection, transaction
from include.stores.reports.decisions import Key, StoredRecommendation
from include.stores.reports.plans import read_plan
from include.tasks.judgement.store import ALPHA, judge_and_store, read_evidence

if TYPE_CHECKING:
    from include.bandit.inference.decision import Recommendation
    from include.bandit.inference.decision_evidence import Evidence
    from include.tasks.judgement.store import Evidence as JudgedEvidence

MAXIMUM_DAYS = 28.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Decided:
    """What the step found, and whether its row is new."""

    stored: StoredRecommendation
    new: bool
    automatic: bool


def undecided(settings: Settings) -> list[str]:
    """Return the experiments that run and that no verdict has ended."""
    with transaction(settings) as connection:
        return decisions.undecided(connection)


def decide_experiment(
    settings: Settings, slug: str, *, dag_run: str, code_revision: str | None = None
) -> Decided:
    """Recommend what to do with an experiment, once per judgement; repeating changes nothing.

    Two at once are harmless: the row of the first stands, and both return it.

    Raises
    ------
    NoFeedbackError
        If no batch has closed yet.
    UnknownExperimentError
        If the experiment was never registered.
    LineageError
        If stored sums do not hash to their name.
    """
    revision = code_revision or running_revision(settings)
    found, key = _judged(settings, slug, dag_run, revision)
    with transaction(settings) as connection:
        new = _recommendation(connection, found, key, dag_run=dag_run, code_revision=revision)
        before = decisions.newest_recommendation(connection, slug, but=key)
        ours = decisions.insert_recommendation(connection, new)
        stored = decisions.read_recommendation(connection, key)
    if ours:
        _tell(settings, stored, before)
    _log.info("%s %s: %s", slug, key.batch_id, stored.summary)
    return Decided(stored, ours, found.experiment.verdict.ship == "automatic")


def _judged(
    settings: Settings, slug: str, dag_run: str, code_revision: str
) -> "tuple[JudgedEvidence, Key]":
    """Return sums and name of a judgement of them, at the level that verdicts are promised at."""
    from include.errors import NoFeedbackError
    from include.stores.reports.judged import has_judgement

    found = read_evidence(settings, slug)
    if not any(rows for _, rows in found.rows):
        raise NoFeedbackError(f"experiment {slug!r} has no closed batch yet: nothing to decide")
    key = Key(slug, found.closed[-1].batch_id, found.hash(ALPHA))
    with transaction(settings) as connection:
        known = has_judgement(connection, *key)
    if not known:
        head = judge_and_store(
            settings, slug, dag_run=dag_run, code_revision=code_revision, alpha=ALPHA
        )
        found, key = read_evidence(settings, slug), Key(slug, head.batch_id, head.statistics_hash)
    return found, key


def _recommendation(
    connection: Connection,
    found: "JudgedEvidence",
    key: Key,
    *,
    dag_run: str,
    code_revision: str,
) -> StoredRecommendation:
    from include.bandit.inference.decision import recommend
    from include.stores.reports.judged import discovery_of
    from include.stores.reports.judgement import read_judgement
    from include.tasks.decide.evidence import decision_evidence
    from include.tasks.decide.words import summary

    experiment = found.experiment
    evidence = decision_evidence(
        found,
        read_judgement(connection, *key),
        maximum_days=_maximum_days(connection, experiment),
        discovery=discovery_of(connection, *key),
    )
    said = recommend(evidence, experiment.verdict)
    return StoredRecommendation(
        key=key,
        kind=said.kind,
        arm=said.arm,
        summary=summary(said, evidence),
        checks=_check_rows(said),
        arms=_arm_rows(evidence),
        rules=experiment.verdict.model_dump(mode="json"),
        days=evidence.days,
        maximum_days=evidence.maximum_days,
        code_revision=code_revision,
        dag_run=dag_run,
    )


def _maximum_days(connection: Connection, experiment: Experiment) -> float:
    declared = experiment.verdict.maximum_days
    if declared is not None:
        return declared
    planned = read_plan(connection, experiment.slug)
    return MAXIMUM_DAYS if planned is None else planned.maximum_days


def _check_rows(said: "Recommendation") -> list[dict[str, Any]]:
    return [asdict(check) for check in said.checks]


def _arm_rows(evidence: "Evidence") -> list[dict[str, Any]]:
    return [
        {"position": at, **asdict(one)}
        for at, position in enumerate(evidence.positions)
        for one in position.arms
    ]


def _tell(
    settings: Settings, stored: StoredRecommendation, before: StoredRecommendation | None
) -> None:
    """Notify of a verdict and of a sample-ratio mismatch, each when it is new."""
    from include.tasks.decide.words import headline

    key = stored.key
    if stored.kind != "keep_running" and (
        before is None or (before.kind, before.arm) != (stored.kind, stored.arm)
    ):
        title = headline(stored.kind, stored.arm)
        notify(settings, Event("verdict", title, stored.summary, key.experiment))
    if _mismatched(stored) and (before is None or not _mismatched(before)):
        told = "units do not arrive as published; nothing ships until that is explained"
        link = "select * from allot.srm"
        notify(
            settings,
            Event("sample_ratio", "sample ratio mismatch", told, key.experiment, link),
        )


def _mismatched(stored: StoredRecommendation) -> bool:
    return any(c["name"] == "sample_ratio" and c["state"] == "not met" for c in stored.checks)
