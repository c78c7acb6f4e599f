"""Evaluate: judge policies on an experiment's logs and write what was found as report rows."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from include.contract.canonical import Json, content_hash
from include.contract.published import Published
from include.experiments.schema import Experiment
from include.revision import code_revision as running_revision
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.evaluation import EvaluationHead, replace_evaluation
from include.stores.reports.experiments import read
from include.stores.reports.weights import history
from include.tasks.evaluation.logs import ROWS_IN_MEMORY, LoggedBatches, read_logs

METHOD: Final = "evaluation/4"
LEVEL: Final = 0.95
# Shown at the end of the task's log; the tables have the others.
SHOWN: Final = ("on-policy", "ips", "snips", "dm", "dr")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What one evaluation wrote.

    Attributes
    ----------
    experiment, batch_id, statistics_hash
        Name the evaluation.
    weights_version
        Newest version that was judged.
    written
        Rows per report table.
    values
        One line per log, policy and main estimator, for the task's log.
    """

    experiment: str
    batch_id: str
    statistics_hash: str
    weights_version: int
    written: dict[str, int]
    values: list[dict[str, Json]]


def evaluate_experiment(
    settings: Settings,
    slug: str,
    *,
    dag_run: str,
    code_revision: str | None = None,
    level: float = LEVEL,
    most_rows: int = ROWS_IN_MEMORY,
) -> EvaluationReport:
    """Evaluate an experiment on all its logs; the same input again writes the same rows.

    Parameters
    ----------
    settings
        Where lake and PostgreSQL are.
    slug
        Experiment.
    dag_run, code_revision
        Kept beside the rows; the revision that runs when left out.
    level
        Confidence of all intervals.
    most_rows
        Rows of one log that are kept in memory; longer logs are streamed: the same estimates
        and variances, without bootstrap and learning curve.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    NoFeedbackError
        If silver has nothing to judge.
    """
    from include.stores.lake.delta import open_table
    from include.stores.lake.silver import FEEDBACK

    with transaction(settings) as connection:
        experiment = read(connection, slug).experiment
        chain = history(connection, slug)
    version = int(open_table(settings, FEEDBACK).version())
    with TemporaryDirectory(prefix="allot-units-") as scratch:
        logs = read_logs(settings, experiment, version, scratch=Path(scratch), most_rows=most_rows)
        head = EvaluationHead(
            experiment=slug,
            batch_id=max(log.batches[-1] for log in logs),
            statistics_hash=_name(slug, logs, chain[-1], level),
            method=METHOD,
            weights_version=chain[-1].version,
            lake_version=version,
            code_revision=code_revision or running_revision(settings),
            dag_run=dag_run,
        )
        seed = int(head.statistics_hash[:16], 16)
        tables = judge(experiment, logs, chain, level=level, seed=seed)
    with transaction(settings) as connection:
        written = replace_evaluation(connection, head, tables)
    return EvaluationReport(
        experiment=slug,
        batch_id=head.batch_id,
        statistics_hash=head.statistics_hash,
        weights_version=chain[-1].version,
        written=written,
        values=_shown(tables),
    )


def chosen_experiments(settings: Settings, asked: Sequence[str]) -> list[str]:
    """Return the experiments that are asked for; all that run when none is.

    Raises
    ------
    UnknownExperimentError
        If one of them was never registered.
    """
    from include.errors import UnknownExperimentError
    from include.tasks.experiments import registered
    from include.tasks.lifecycle import running

    known = registered(settings)
    if unknown := sorted(set(asked) - set(known)):
        raise UnknownExperimentError(
            f"no experiment is called {', '.join(unknown)}; there are: {', '.join(known) or 'none'}"
        )
    return sorted(set(asked)) or running(settings)[0]


def log_report(report: EvaluationReport) -> None:
    """End a task's log with the main values and what was written."""
    from include.tasks.summary import log_summary

    title = f"{report.experiment} {report.batch_id}: what if a policy had been fixed?"
    log_summary(_log, title, report.values)
    written = [{"table": table, "rows": rows} for table, rows in report.written.items()]
    log_summary(_log, "written", written)


def judge(
    experiment: Experiment,
    logs: Sequence[LoggedBatches],
    chain: Sequence[Published],
    *,
    level: float,
    seed: int,
) -> dict[str, list[dict[str, Json]]]:
    """Return the rows of every report table; pure, equal inputs give equal rows.

    Parameters
    ----------
    experiment
        The declaration in force.
    logs
        What to judge on.
    chain
        Published versions, oldest first.
    level
        Confidence of all intervals.
    seed
        Of bootstrap and replay.
    """
    import numpy as np

    from include.tasks.evaluation.curves import learning_rows, regret_rows
    from include.tasks.evaluation.grades import grades
    from include.tasks.evaluation.mixed import mixed
    from include.tasks.evaluation.policies import judged_on
    from include.tasks.evaluation.rows import diagnostic_rows, value_rows
    from include.tasks.evaluation.values import estimates, on_policy

    rng = np.random.default_rng(seed)
    own = [on_policy(log, level) for log in logs]
    found, regret, learning = [], [], []
    for log in logs:
        judged = judged_on(experiment, log, chain)
        for policy in judged:
            found += list(estimates(log, policy, level, rng))
        balanced = mixed(experiment, log, chain)
        if balanced is not None:
            for policy in judged:
                # A target that changes with the batch has no one mixture as its denominator.
                if policy.table.ndim == 2:
                    found += list(estimates(balanced, policy, level, rng))
        regret += list(regret_rows(log, judged, level))
        learning += list(learning_rows(experiment, log, level, seed))
    return {
        "policy_value": value_rows([*own, *found]),
        "policy_diagnostics": diagnostic_rows([*own, *found]),
        "regret": regret,
        "learning_point": learning,
        "self_grade": list(grades(found, own)),
    }


def _name(slug: str, logs: Sequence[LoggedBatches], head: Published, level: float) -> str:
    """Name everything that the evaluation depends on."""
    read: list[Json] = [[log.name, log.hash()] for log in logs]
    return content_hash(["allot.evaluation/1", METHOD, slug, read, head.content_hash, level])


def _shown(tables: dict[str, list[dict[str, Json]]]) -> list[dict[str, Json]]:
    key = ("log", "evaluation_policy", "position", "estimator")
    verdicts = {tuple(row[name] for name in key): row for row in tables["policy_diagnostics"]}
    lines: list[dict[str, Json]] = []
    for row in tables["policy_value"]:
        main = row["estimator"] in SHOWN and row["interval_method"] == "normal"
        if not main or row["position"] != "all":
            continue
        found = verdicts[tuple(row[name] for name in key)]
        lines.append(
            {
                "log": row["log"],
                "policy": row["evaluation_policy"],
                "estimator": row["estimator"],
                "value": row["value"],
                "lo": row["lo"],
                "hi": row["hi"],
                "ess": found["effective_sample_size"],
                "verdict": found["verdict"],
            }
        )
    return lines
