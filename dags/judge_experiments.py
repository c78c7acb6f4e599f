"""New weights → verdicts that hold under daily looks, and the portfolio → reports, MLflow.

### What it does
1. `experiments` lists what is running (or what the form asks for).
2. Per experiment (mapped; the index is its slug): `judge` folds the closed batches into confidence
   sequences (every arm − control, every arm − the best of the rest), the sample-ratio test, and,
   labelled beside them, naive means, BOLS, AW-AIPW, P(best), expected loss; `track` shows the rows
   as an MLflow run of the kind *judgement*.
3. `portfolio` decides over all experiments by online false discovery rate.

It reads sums from PostgreSQL alone: neither the lake nor `evaluate_policies`, which reads whole
logs, can hold up a verdict, and that is why it is a DAG of its own. The same input gives the same
rows and the same run. `select * from allot.verdict_evidence` is the answer.

### When it is red
| task | usual cause | what to do |
|---|---|---|
| `judge` skipped | no batch has closed yet | nothing; it is judged after its first batch |
| `judge` | PostgreSQL away | `make status`; clear the task: repeating it changes nothing |
| `judge`, `LineageError` | stored sums do not hash to their name | restore `allot.arm_statistics` |
| `track` | MLflow away | the rows are stored; clear the task later |
| `portfolio` | PostgreSQL away | clear the task |

One experiment that fails never holds up another; the portfolio takes its newest judgement.
"""

from datetime import timedelta

from airflow.sdk import Param, TriggerRule, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import JUDGEMENTS, WEIGHTS
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
        "execution_timeout": timedelta(minutes=10),
    },
    params={
        "experiments": EXPERIMENTS,
        "alpha": Param(
            0.05,
            type="number",
            exclusiveMinimum=0,
            exclusiveMaximum=0.5,
            title="Error",
            description="Chance of a false winner per position, over all looks and arms.",
        ),
    },
    tags=["allot", "inference"],
    doc_md=__doc__,
)
def judge_experiments() -> None:
    """Say what every experiment may say."""

    @task
    def experiments() -> list[str]:
        return chosen()

    @task(map_index_template=NAMED, doc_md="Judges the closed batches; writes report rows.")
    def judge(experiment: str) -> str:
        from include.errors import NoFeedbackError
        from include.settings import settings
        from include.tasks.judgement.store import judge_and_store

        context = named(experiment)
        run = run_of(context)
        try:
            judge_and_store(
                settings(), experiment, dag_run=run, alpha=float(context["params"]["alpha"])
            )
        except NoFeedbackError as error:
            # Declared, but nothing came in yet: no fault of this run, and no result either.
            raise AirflowSkipException(str(error)) from error
        return experiment

    @task(map_index_template=NAMED, doc_md="Shows the rows in MLflow; the button opens the run.")
    def track(experiment: str) -> str | None:
        from include.settings import settings
        from include.tasks.judgement.track import track_judgement

        context = named(experiment)
        run = track_judgement(settings(), experiment)
        if run is None:
            return None
        context["ti"].xcom_push(key=MLFLOW_RUN, value=run.url)
        return run.url

    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        outlets=[JUDGEMENTS],
        doc_md="Online false discovery rate over all.",
    )
    def portfolio() -> int:
        from include.settings import settings
        from include.tasks.judgement.store import decide_portfolio, log_portfolio

        rows = decide_portfolio(settings(), alpha=float(get_current_context()["params"]["alpha"]))
        log_portfolio(rows)
        return sum(bool(row["discovery"]) for row in rows)

    @task_group
    def each(experiment: str) -> None:
        track(judge(experiment))  # type: ignore[arg-type]

    each.expand(experiment=experiments()) >> portfolio()


judge_experiments()
