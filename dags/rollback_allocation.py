"""Bring earlier shares of an experiment back, by hand, and hold its publishing.

### What it does
1. `roll_back` appends a version whose buckets are those of the last good version, of the declared
   default shares, or of the version that the form names; a hold stands beside it. Nothing is
   overwritten: the history shows who went back, when and why.
2. `publish` brings the weights store up to PostgreSQL, so that the API serves it within seconds.

While publishing is held no batch moves a weight. `release_allocation` ends the hold. Asking twice,
or two people at once, rolls back once.

### When it is red
- `roll_back`: the log says what the form got wrong (an unknown experiment or version, or shares
  that the declaration in force does not allow: then roll back to `default`).
- `publish`: Dragonfly is away. PostgreSQL has the version already: clear the task, or let
  `reconcile_weights` do it.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task

from dags.assets import WEIGHTS
from dags.mapped import Passed, run_of


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
        "to": Param(
            "last_good",
            type="string",
            pattern="^(last_good|default|v[0-9]{1,9})$",
            examples=["last_good", "default", "v0"],
            title="Back to",
            description="last_good, default (the declared default shares), or a version, as v12.",
        ),
        "reason": Param(type="string", minLength=1, title="Why", description="Kept for good."),
        "by": Param(type="string", minLength=1, title="Who", description="Your name."),
    },
    tags=["allot", "publish", "by hand"],
    doc_md=__doc__,
)
def rollback_allocation() -> None:
    """Roll an experiment back by hand."""

    @task
    def roll_back() -> str:
        from include.settings import settings
        from include.tasks.guard_run import tell_of_rollback
        from include.tasks.rollback import roll_back as go_back

        context: Passed = get_current_context()
        form = context["params"]
        run = run_of(context)
        done = go_back(
            settings(),
            form["experiment"],
            to=form["to"],
            by=form["by"],
            why=form["reason"],
            provenance={"dag_run": run},
        )
        if done.written:
            tell_of_rollback(settings(), done, by=form["by"], why=form["reason"])
        return done.experiment

    @task(outlets=[WEIGHTS])
    def publish(experiment: str) -> int:
        from include.settings import settings
        from include.tasks.publish import publish_experiment

        return publish_experiment(settings(), experiment).live.version

    going_back: Passed = roll_back()
    publish(going_back)


rollback_allocation()
