"""New weights or feedback → policy values, grades, regret and learning curves → reports, MLflow.

### What it does
1. `experiments` lists what is running (or what the form asks for).
2. Per experiment (mapped; the index is its slug): `evaluate` judges policies on every log and
   writes report rows to PostgreSQL; `track` shows those rows as an MLflow run.

Two questions are answered, and never mixed: **what if X had been fixed** (policy values: IPS,
SNIPS, DM, DR, …) and **what if X had learned here** (learning curve, by rejection replay of the
random log). Who is judged on which log, and why that does not flatter them, stands in the column
`basis`: weights are never judged on the rows that they were fitted on.

The same input gives the same rows and the same run, however often it runs. PostgreSQL is the
truth; MLflow only shows it, and publishing waits for neither.

### When it is red
| task | usual cause | what to do |
|---|---|---|
| `evaluate` skipped | silver has no row of the experiment yet | run `ingest_open_bandit` |
| `evaluate` | S3 or PostgreSQL away | `make status`; clear the task: repeating it changes nothing |
| `track` | MLflow away | the rows are stored; clear the task later: what is missing is made |
| `track` | MLflow lost runs | trigger it with `track_everything`: what is missing is put back |

One experiment that fails never holds up another.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import WEIGHTS
from dags.mapped import EXPERIMENTS, NAMED, chosen, named, run_of
from include.links import MLFLOW_RUN


@dag(
    schedule=[WEIGHTS],
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=20),
    },
    params={
        "experiments": EXPERIMENTS,
        "level": Param(
            0.95,
            type="number",
            exclusiveMinimum=0.5,
            exclusiveMaximum=1,
            title="Level",
            description="Nominal coverage of all intervals, at one look.",
        ),
        "track_everything": Param(
            default=False,
            type="boolean",
            title="Put lost runs back",
            description="Look at every evaluation, not only at the newest and those never shown.",
        ),
    },
    tags=["allot", "evaluation"],
    doc_md=__doc__,
)
def evaluate_policies() -> None:
    """Judge policies on logged feedback."""

    @task
    def experiments() -> list[str]:
        return chosen()

    @task(map_index_template=NAMED, doc_md="Judges policies on all logs; writes report rows.")
    def evaluate(experiment: str) -> str:
        from include.errors import NoFeedbackError
        from include.settings import settings
        from include.tasks.evaluate import evaluate_experiment, log_report

        context = named(experiment)
        run = run_of(context)
        try:
            report = evaluate_experiment(
                settings(), experiment, dag_run=run, level=float(context["params"]["level"])
            )
        except NoFeedbackError as error:
            # Declared, but nothing came in yet: no fault of this run, and no result either.
            raise AirflowSkipException(str(error)) from error
        log_report(report)
        return experiment

    @task(map_index_template=NAMED, doc_md="Shows the rows in MLflow; the button opens the run.")
    def track(experiment: str) -> str | None:
        from include.settings import settings
        from include.tasks.track import track_evaluations

        context = named(experiment)
        everything = bool(context["params"]["track_everything"])
        url = None
        for _, run in track_evaluations(settings(), experiment, everything=everything):
            # The newest comes last, and is what the button opens.
            url = run.url
            context["ti"].xcom_push(key=MLFLOW_RUN, value=url)
        return url

    @task_group
    def each(experiment: str) -> None:
        track(evaluate(experiment))  # type: ignore[arg-type]

    each.expand(experiment=experiments())


evaluate_policies()
