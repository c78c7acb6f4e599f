"""Closed batches → posterior → allocation → published weights, experiment by experiment.

### What it does
1. `sync_experiments` registers the TOML files of `include/experiments`.
2. Per running experiment (mapped; the index is its slug): `aggregate` sums closed batches of
   silver, `guard` judges each by the guardrails, `gate` judges a challenger, if there is one, and
   moves its ramp, `update` writes one version per closed, unpublished batch that passed to
   PostgreSQL, `publish` brings the weights store up to PostgreSQL and announces it. What is paused,
   concluded, archived or a draft is left out; the last table says so.
3. `report` ends the log with a table, and is red when anything above was refused.

It works off **every** closed, unpublished batch, whatever woke it (new feedback, the clock at
midnight, a person): a lost or doubled event costs nothing. A batch is closed once its sums were
read after its reward window.

### Backfill
Backfill by UI, CLI or REST: a backfill run for a day starts on batches that had ended by the end
of that day, and publishes them in order, one version each. Versions that are published never
change: where sums of an old batch changed, *one* new version follows. To go up to a day by hand,
trigger it with `until`.

### When it is red
- `sync_experiments`, `report`: a TOML file contradicts what is in force, or its limits clash.
  The log holds the difference; mend the file. The other experiments went on.
- `plan`: PostgreSQL is away; nothing waits for it. A warning in its log says that an experiment
  will probably end without a verdict (`select * from allot.experiment_plan`).
- `aggregate`: S3 or PostgreSQL is away (`make status`). Before anything was ingested there is
  nothing to do, and that is no failure.
  Clear the task: repeating it changes nothing.
- `guard` is green also where it stops or rolls back an experiment: that is its work, and people are
  told. `select * from allot.guardrails` says why; `rollback_allocation` goes back by hand and
  `release_allocation` lets publishing go on.
- `gate` is green also where a challenger is rejected, and people are told. `select * from
  allot.gates where newest` says why it waits. Red: PostgreSQL is away, or sums do not hash to their
  name. Clear it: nothing was written.
- `update`: sums do not fit the declaration, or PostgreSQL is away. The log names batch and arm;
  what is live stays live.
- `publish`: Dragonfly is away. PostgreSQL has the version already: clear the task, or let
  `reconcile_weights` do it.

One experiment that fails never holds up another. Every task may be repeated, and run twice at
once.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import (
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    Param,
    dag,
    get_current_context,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import FEEDBACK, WEIGHTS
from dags.deadlines import ends_within
from dags.mapped import NAMED, Passed, every, named, run_of
from include.links import ALLOCATION


@dag(
    schedule=AssetOrTimeSchedule(
        # The net below lost events; daily, so that a backfill has a run per day.
        timetable=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
        assets=FEEDBACK,
    ),
    start_date=datetime(2019, 11, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    deadline=ends_within(
        timedelta(hours=1), "Look at update_allocation: until it has ended, old weights are served."
    ),
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=20),
    },
    params={
        "until": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Newest day",
            description="Fold batches up to this day, as 2019-11-26. Empty: all closed batches.",
        )
    },
    tags=["allot", "publish"],
    doc_md=__doc__,
)
def update_allocation() -> None:
    """Fold closed batches into published weights."""

    @task
    def sync_experiments() -> list[str]:
        from include.settings import settings
        from include.tasks.experiments import sync_all
        from include.tasks.lifecycle import running

        refused = sync_all(settings(), submitted_by="dag update_allocation")
        names, skipped = running(settings())
        get_current_context()["ti"].xcom_push("refused", refused)
        get_current_context()["ti"].xcom_push("skipped", skipped)
        return names

    @task(map_index_template=NAMED)
    def aggregate(experiment: str) -> Passed:
        from include.settings import settings
        from include.tasks.update_run import aggregate_experiment

        context = named(experiment)
        return aggregate_experiment(settings(), experiment, until=_until(context))

    @task(map_index_template=NAMED)
    def guard(row: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.guard_run import guard_row

        context = named(row["experiment"])
        return guard_row(settings(), row, until=_until(context), dag_run=run_of(context))

    @task(map_index_template=NAMED)
    def gate(row: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.gate_run import gate_row

        return gate_row(settings(), row, dag_run=run_of(named(row["experiment"])))

    @task(map_index_template=NAMED)
    def update(row: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.update_run import update_row

        context = named(row["experiment"])
        return update_row(settings(), row, until=_until(context), dag_run=run_of(context))

    @task(map_index_template=NAMED)
    def publish(row: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.update_run import allocation_url, publish_row

        context = named(row["experiment"])
        context["ti"].xcom_push(ALLOCATION, allocation_url(settings(), row["experiment"]))
        return publish_row(settings(), row)

    @task_group
    def each(experiment: str) -> Passed:
        return publish(update(gate(guard(aggregate(experiment)))))

    @task(trigger_rule="all_done", outlets=[WEIGHTS], doc_md="Wakes what follows, once a run.")
    def announce(rows: Passed) -> None:
        if not rows:
            raise AirflowSkipException("no experiment went through, so nothing follows")

    @task(trigger_rule="all_done", retries=0)
    def report(experiments: Passed, rows: Passed) -> None:
        from include.tasks.update_run import report_run

        told = [
            get_current_context()["ti"].xcom_pull(task_ids="sync_experiments", key=key) or {}
            for key in ("refused", "skipped")
        ]
        report_run(list(experiments), every(rows), *told)

    @task(doc_md="Simulates new declarations; warns where a verdict is unlikely.")
    def plan() -> int:
        from include.settings import settings
        from include.tasks.decide.planning import plan_declared

        return len(plan_declared(settings()))

    experiments: Passed = sync_experiments()
    experiments >> plan()
    rows: Passed = each.expand(experiment=experiments)
    announce(rows)
    report(experiments, rows)


def _until(context: Passed) -> datetime | None:
    """Return the instant by which batches must have ended; ``None`` for all."""
    if context["dag_run"].run_type == "backfill":
        # Airflow hands out its own subclass of datetime, whose differences do not divide.
        return datetime.fromtimestamp(context["data_interval_end"].timestamp(), UTC)
    day = context["params"]["until"]
    return None if day is None else datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(1)


update_allocation()
