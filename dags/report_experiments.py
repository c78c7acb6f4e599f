"""New recommendations → one page per experiment, beside the MLflow run of its batch.

### What it does
1. `experiments` lists what is running (or what the form asks for).
2. `report` (mapped; the index is its slug) renders the page from the views and stores it as
   `report.html` with the run of the newest judgement; the button opens it.

It computes nothing: the numbers are those of the views at one moment. Whatever `evaluate_policies`
adds later is on the page of the next batch; `make report EXPERIMENT=…` renders one at any time.

### When it is red
| task | usual cause | what to do |
|---|---|---|
| `report` | MLflow or PostgreSQL away | `make status`; clear the task |

One experiment that fails never holds up another, and nothing waits for a page.
"""

from datetime import timedelta

from airflow.sdk import dag, task

from dags.assets import RECOMMENDATIONS
from dags.mapped import EXPERIMENTS, NAMED, chosen, named
from include.links import MLFLOW_RUN


@dag(
    schedule=[RECOMMENDATIONS],
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=5),
    },
    params={
        "experiments": EXPERIMENTS,
    },
    tags=["allot", "report"],
    doc_md=__doc__,
)
def report_experiments() -> None:
    """Show every experiment on one page."""

    @task
    def experiments() -> list[str]:
        return chosen()

    @task(map_index_template=NAMED, doc_md="Renders the page; the button opens it.")
    def report(experiment: str) -> str:
        from pathlib import Path
        from tempfile import TemporaryDirectory

        from include.settings import settings
        from include.tasks.report.render import render_report

        context = named(experiment)
        with TemporaryDirectory(prefix="allot-report-") as folder:
            link = render_report(settings(), experiment, Path(folder)).link
        if link:
            context["ti"].xcom_push(key=MLFLOW_RUN, value=link)
        return link

    report.expand(experiment=experiments())


report_experiments()
