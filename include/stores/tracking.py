"""MLflow: the picture of what was computed, never the truth.

One MLflow experiment per Allot experiment, one run per (experiment, batch,
statistics hash, kind), found by tag. PostgreSQL holds the numbers; MLflow may be
away, or lose runs, and recording again puts back what is missing. MLflow knows no
uniqueness, so a PostgreSQL advisory lock makes finding and creating one act.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from include.contract.canonical import content_hash
from include.settings import Settings
from include.stores.tracking_content import RunContent, digest, points, write_artifacts

if TYPE_CHECKING:
    import psycopg
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

COMPLETE_TAG: Final = "allot.complete"
METRICS_PER_REQUEST: Final = 1000


@dataclass(frozen=True, slots=True)
class RunKey:
    """What a run is about; there is one run for each.

    Attributes
    ----------
    experiment
        Slug of the Allot experiment, and name of the MLflow experiment.
    batch
        Newest batch that the numbers know.
    statistics
        Hash over the statistics that the numbers come from.
    kind
        Which report this is, as ``evaluation`` or ``simulation``.
    """

    experiment: str
    batch: str
    statistics: str
    kind: str

    def tags(self) -> dict[str, str]:
        """Return the tags by which the run is found."""
        return {f"allot.{name}": value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Where a run is, and what recording it did."""

    run_id: str
    url: str
    created: bool
    logged: bool


@dataclass(slots=True)
class Tracker:
    """Records runs at the tracking server that the settings name."""

    settings: Settings
    connection: "psycopg.Connection[object]"
    client: "MlflowClient" = field(init=False)

    def __post_init__(self) -> None:
        _bound_waiting(self.settings.timeout_seconds)
        from mlflow.tracking import MlflowClient

        self.client = MlflowClient(self.settings.mlflow_url)

    def record(self, key: RunKey, content: RunContent) -> TrackedRun:
        """Log a run, or what an earlier attempt left out of it; twice is the same as once.

        Raises
        ------
        mlflow.exceptions.MlflowException
            If the server does not answer within the deadline, or refuses.
        """
        named = digest(content)
        with _alone(self.connection, key):
            experiment_id = self._experiment(key.experiment)
            found = self._find(experiment_id, key)
            run = found or self._create(experiment_id, key, content.title)
            missing = run.data.tags.get(COMPLETE_TAG) != named
            if missing:
                self._log(run, content, named)
        url = f"{self.settings.mlflow_link}/#/experiments/{experiment_id}/runs/{run.info.run_id}"
        return TrackedRun(run.info.run_id, url, created=found is None, logged=missing)

    def attach(self, run_id: str, path: Path) -> None:
        """Put a file beside what a run shows; one of the same name is replaced.

        Raises
        ------
        mlflow.exceptions.MlflowException
            If the server does not answer within the deadline, or has no such run.
        """
        self.client.log_artifact(run_id, str(path))

    def _experiment(self, slug: str) -> str:
        found = self.client.get_experiment_by_name(slug)
        if found is None:
            return str(self._create_experiment(slug))
        if found.lifecycle_stage != "active":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _create_experiment(self, slug: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(self.client.create_experiment(slug))
        except MlflowException as error:
            # Another batch of the same experiment, under its own lock, was first.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self._experiment(slug)

    def _find(self, experiment_id: str, key: RunKey) -> "Run | None":
        clauses = (f"tags.`{name}` = '{value}'" for name, value in key.tags().items())
        found = self.client.search_runs(
            [experiment_id], " AND ".join(clauses), order_by=["attributes.start_time ASC"]
        )
        return found[0] if found else None

    def _create(self, experiment_id: str, key: RunKey, title: str) -> "Run":
        return self.client.create_run(experiment_id, tags=key.tags(), run_name=title)

    def _log(self, run: "Run", content: RunContent, named: str) -> None:
        from mlflow.entities import Metric, Param, RunTag

        # The run's own time: logging the same points again meets the same rows.
        when = run.info.start_time
        metrics = [Metric(name, value, when, step) for name, step, value in points(content)]
        params = [Param(name, str(value)) for name, value in content.params.items()]
        tags = [RunTag(name, str(value)) for name, value in content.tags.items()]
        run_id = run.info.run_id
        first, *rest = _chunks(metrics)
        self.client.log_batch(run_id, metrics=first, params=params, tags=tags)
        for chunk in rest:
            self.client.log_batch(run_id, metrics=chunk)
        with tempfile.TemporaryDirectory(prefix="allot-run-") as folder:
            write_artifacts(Path(folder), content)
            self.client.log_artifacts(run_id, folder)
        self.client.set_tag(run_id, COMPLETE_TAG, named)
        self.client.set_terminated(run_id)


def _chunks(metrics: "Sequence[Metric]") -> "Iterator[Sequence[Metric]]":
    for start in range(0, max(len(metrics), 1), METRICS_PER_REQUEST):
        yield metrics[start : start + METRICS_PER_REQUEST]


def _bound_waiting(seconds: float) -> None:
    # MLflow's own defaults wait for minutes, which would hang a task on an outage.
    limits: Mapping[str, str] = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, round(seconds))),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    for name, value in limits.items():
        os.environ.setdefault(name, value)


@contextmanager
def _alone(connection: "psycopg.Connection[object]", key: RunKey) -> Iterator[None]:
    # A session lock: no transaction stays open while MLflow is being waited for.
    name = content_hash(["allot.tracking/1", asdict(key)])
    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
    connection.commit()
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (name,))
        connection.commit()
