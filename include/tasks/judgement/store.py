"""Judge an experiment from its stored sums, and write what was found as report rows."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from include.contract.canonical import Json, content_hash
from include.contract.weights import POOLED_CELL
from include.errors import NoFeedbackError
from include.experiments.schema import Experiment
from include.revision import code_revision as running_revision
from include.settings import Settings
from include.stores.reports import batches, experiments, metrics, weights
from include.stores.reports.connection import transaction
from include.stores.reports.judgement import (
    JudgementHead,
    portfolio_inputs,
    replace_judgement,
    replace_portfolio,
)
from include.tasks.judge import Strata, published_shares, strata

if TYPE_CHECKING:
    from include.bandit.statistics import ArmStatistics
    from include.contract.published import Published
    from include.stores.reports.metrics import MetricRow
    from include.stores.reports.statistics import StatisticsRow
    from include.stores.reports.sums import BatchReference

METHOD: Final = "judgement/2"
ALPHA: Final = 0.05

Row = dict[str, Json]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Everything that a judgement depends on, beside its level."""

    experiment: Experiment
    closed: "Sequence[BatchReference]"
    rows: "Sequence[tuple[BatchReference, Sequence[StatisticsRow]]]"
    statistics: "dict[str, ArmStatistics]"
    chain: "Sequence[Published]"
    metrics: "Sequence[tuple[BatchReference, Sequence[MetricRow]]]" = ()

    def hash(self, alpha: float) -> str:
        """Name the judgement: equal evidence and level, equal hash."""
        read: list[Json] = [[one.batch_id, one.statistics_hash] for one in self.closed]
        versions: list[Json] = [one.content_hash for one in self.chain]
        declared: Json = self.experiment.model_dump(mode="json")
        named: list[Json] = ["allot.judgement/1", METHOD, declared, read, versions, alpha]
        beside: list[Json] = [[one.batch_id, one.statistics_hash] for one, _ in self.metrics]
        return content_hash([*named, beside] if beside else named)


def judge_and_store(
    settings: Settings,
    slug: str,
    *,
    dag_run: str,
    code_revision: str | None = None,
    alpha: float = ALPHA,
) -> JudgementHead:
    """Judge an experiment over its closed batches; the same input again writes the same rows.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    NoFeedbackError
        If no batch has closed yet.
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    found = read_evidence(settings, slug)
    if not any(rows for _, rows in found.rows):
        raise NoFeedbackError(f"experiment {slug!r} has no closed batch yet: nothing to judge")
    head = JudgementHead(
        experiment=slug,
        batch_id=found.closed[-1].batch_id,
        statistics_hash=found.hash(alpha),
        method=METHOD,
        alpha=alpha,
        weights_version=found.chain[-1].version,
        code_revision=code_revision or running_revision(settings),
        dag_run=dag_run,
    )
    tables = judgement_tables(found, alpha)
    with transaction(settings) as connection:
        replace_judgement(connection, head, tables)
    _report(head, tables)
    return head


def read_evidence(settings: Settings, slug: str) -> Evidence:
    """Read an experiment's closed batches and published shares from one state of PostgreSQL."""
    with transaction(settings) as connection:
        experiment = experiments.read(connection, slug).experiment
        closed = batches.closed_batches(connection, experiment)
        return Evidence(
            experiment=experiment,
            closed=closed,
            rows=batches.read_rows(connection, experiment, closed),
            statistics=batches.read_statistics(connection, experiment, closed),
            chain=weights.history(connection, slug),
            metrics=metrics.read_metric_rows(
                connection, slug, [one.batch_id for one in closed] if experiment.metrics else []
            ),
        )


def judgement_tables(found: Evidence, alpha: float) -> dict[str, list[Row]]:
    """Return the rows of every report table; pure, equal evidence gives equal rows."""
    from include.stores.reports.judgement import TABLES
    from include.tasks.judgement import rows as lay
    from include.tasks.judgement.beliefs import belief_rows, remaining
    from include.tasks.judgement.exact import exact_rows, readout_rows
    from include.tasks.judgement.metrics import metric_rows

    experiment = found.experiment
    shares = published_shares(experiment, found.chain)
    stored = [(batch.batch_id, rows) for batch, rows in found.rows]
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    tables["arm_belief"] = list(belief_rows(experiment, found.statistics))
    for position in range(experiment.positions):
        part: Strata | None = strata(experiment, stored, shares, position)
        if part is None:
            continue
        leader = _leader(experiment, tables["arm_belief"], position)
        said = lay.verdict_row(experiment, part, position, alpha)
        winner = said["winner"]
        picked = (leader, "leader")
        if winner is not None:
            picked = (experiment.arms.index(str(winner)), "winner")
        tables["verdict"].append(
            said
            | {
                "leader": experiment.arms[leader],
                "potential_value_remaining": remaining(
                    experiment, found.statistics, position, leader
                ),
            }
        )
        tables["confidence_sequence"] += lay.sequence_rows(experiment, part, position, alpha)
        tables["fixed_time_interval"] += lay.fixed_time_rows(
            experiment, part, position, leader, alpha
        )
        tables["exact_sequence"] += exact_rows(experiment, part, position, alpha)
        tables["readout"] += readout_rows(experiment, part, position, picked, alpha)
        tables["sample_ratio"] += lay.sample_ratio_rows(experiment, part, position)
        measured = [(batch.batch_id, rows) for batch, rows in found.metrics]
        tables["metric_effect"] += metric_rows(experiment, measured, shares, position, alpha)
    return tables


def decide_portfolio(settings: Settings, *, alpha: float = ALPHA) -> list[Row]:
    """Decide over all experiments, in the order in which they were created, and store it."""
    import numpy as np

    from include.bandit.inference.online_fdr import lord

    with transaction(settings) as connection:
        given = portfolio_inputs(connection)
        # Several positions are several chances: Bonferroni within the experiment.
        p_values = [_together(one.pop("p_values")) for one in given]
        rows: list[Row] = []
        if given:
            found = lord(np.array(p_values), alpha=alpha)
            rows = [
                {
                    **one,
                    "place": place,
                    "p_value": p_values[place - 1],
                    "level": float(found.level[place - 1]),
                    "discovery": bool(found.discovery[place - 1]),
                    "alpha": alpha,
                }
                for place, one in enumerate(given, 1)
            ]
        replace_portfolio(connection, rows)
    return rows


def _together(p_values: Sequence[float]) -> float:
    return min(1.0, min(p_values) * len(p_values)) if p_values else 1.0


def _leader(experiment: Experiment, rows: Sequence[Row], position: int) -> int:
    """Return the arm with the largest P(best) in the pool; ties go to the lower index."""
    own = {
        str(row["arm"]): float(str(row["best_probability"]))
        for row in rows
        if (row["position"], row["cell"]) == (position, POOLED_CELL)
    }
    return max(range(len(experiment.arms)), key=lambda arm: (own[experiment.arms[arm]], -arm))


def _report(head: JudgementHead, tables: dict[str, list[Row]]) -> None:
    from include.tasks.summary import log_summary

    shown = ("position", "looks", "units", "winner", "p_value", "known_arms", "leader", "reason")
    lines = [{name: row[name] for name in shown} for row in tables["verdict"]]
    log_summary(_log, f"{head.experiment} {head.batch_id}: what may be said", lines)
    _log.info("judgement %s", asdict(head))


def log_portfolio(rows: Sequence[Row]) -> None:
    """End a task's log with the decision on every experiment."""
    from include.tasks.summary import log_summary

    shown = ("place", "experiment", "p_value", "level", "discovery")
    log_summary(_log, "portfolio", [{name: row[name] for name in shown} for row in rows])
