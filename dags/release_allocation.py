"""Let publishing go on after a roll-back, or after a batch was stopped; only a person does.

### What it does
`release` appends a row to `allot.publishing_hold` with who and why. Every batch that is closed now
is accepted as it is, also one that guardrails stopped: mend the log and validate it again first,
where that is what was wrong. What guardrails gather over several batches (sample ratio, loss
against the control) begins anew behind what was accepted. The next run of `update_allocation` folds
what waited.

`POST /experiments/{experiment_id}/release` does the same over the API, by whoever may `manage`.

### When it is red
The log says what the form got wrong. Asking twice writes two rows and changes nothing else.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from dags.mapped import Passed


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=4,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=5),
    },
    params={
        "experiment": Param(
            "", type="string", minLength=1, title="Experiment", description="Slug."
        ),
        "reason": Param(type="string", minLength=1, title="Why", description="Kept for good."),
        "by": Param(type="string", minLength=1, title="Who", description="Your name."),
    },
    tags=["allot", "publish", "by hand"],
    doc_md=__doc__,
)
def release_allocation() -> None:
    """End the hold of an experiment by hand."""

    @task
    def release() -> str | None:
        from include.settings import settings
        from include.tasks.rollback import release as let_go

        form: Passed = get_current_context()["params"]
        return let_go(settings(), form["experiment"], by=form["by"], why=form["reason"])

    release()


release_allocation()
