"""Keep the weights store equal to PostgreSQL, which alone says what is live.

### What it does
Every five minutes, per experiment: a missing, damaged or outdated pointer, a missing or damaged
snapshot, an experiment missing from the set that replicas load at start: each is written again from
PostgreSQL's rows. Nothing is computed, no version is made, and where nothing is wrong nothing is
written. The log names what was healed.

### When it is red
- Dragonfly or PostgreSQL is away (`make status`). Replicas serve their last good copy and say how
  stale it is. Nothing is to be done here: the next run heals what the outage left.
- It heals the same experiment run after run: something else writes to the store, or the store loses
  its memory (restarts without its snapshot). Look at the store's log.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from dags.mapped import NAMED, Passed, named


@dag(
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=5),
    },
    tags=["allot", "publish"],
    doc_md=__doc__,
)
def reconcile_weights() -> None:
    """Heal the weights store from PostgreSQL."""

    @task
    def experiments() -> Passed:
        from include.settings import settings
        from include.tasks.experiments import registered

        return registered(settings())

    @task(map_index_template=NAMED)
    def reconcile(experiment: str) -> Passed:
        from include.settings import settings
        from include.tasks.reconcile import reconcile_experiment

        named(experiment)
        return list(reconcile_experiment(settings(), experiment).damage)

    reconcile.expand(experiment=experiments())


reconcile_weights()
