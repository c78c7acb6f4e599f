"""Keep what is worth keeping, for as long as it was declared; make the rest small.

### What it does
Every night, each step on its own:
- `retain_log`, per experiment: decisions, rewards and exposures older than
  `ALLOT_LOG_HORIZON_DAYS` leave PostgreSQL, but only those that silver has
  (`ingest_decision_log`) and that an audit has passed
  (`audit_decisions`). Bronze and silver keep them; `allot.retention` says what went. Until then a
  repeated `request_id` or reward gets its first answer; later it is a new one.
- `compact_lake`: many small files of a partition become one. Rows, hashes and older versions stay;
  `vacuum_lake` frees the space of what is beyond the audit horizon.
- `clean_airflow`: runs older than `ALLOT_AIRFLOW_HORIZON_DAYS` are deleted, those of `canary` and
  `erase_unit` (whose form holds a unit) after a day.
- `clean_spool`: drafts that a killed API left, and refused records beyond the audit horizon. What
  waits to be shipped is never touched.

`dry_run` only counts.

### When it is red
- `could not be compacted`: an ingest was quicker. Clear the task.
- `Airflow refuses`: user or password of the settings is not Airflow's. Nothing was deleted.
- It removes nothing though the log is old: look at `allot.audit_outcome` and
  `allot.log_progress`; what was not audited or is not in silver stays.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task

from dags.mapped import NAMED, Passed, named

DRY_RUN = Param(
    default=False, type="boolean", title="Dry run", description="count, and change nothing"
)


@dag(
    schedule="10 4 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"dry_run": DRY_RUN},
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=1),
    },
    tags=["allot", "retention"],
    doc_md=__doc__,
)
def retain_and_compact() -> None:
    """Remove what is old and safe, compact what is crowded."""

    @task
    def experiments() -> Passed:
        from include.settings import settings
        from include.tasks.experiments import registered

        return registered(settings())

    @task(map_index_template=NAMED, max_active_tis_per_dagrun=1)
    def retain_log(experiment: str) -> Passed:
        from include.settings import settings
        from include.tasks.retention import run

        context = named(experiment)
        return dict(
            run.retain_log(
                settings(),
                experiment,
                dry_run=context["params"]["dry_run"],
                dag_run=context["dag_run"].run_id,
            )
        )

    @task
    def compact_lake() -> Passed:
        from include.settings import settings
        from include.tasks.retention import run

        context: Passed = get_current_context()
        return run.compact_lake(settings(), dry_run=context["params"]["dry_run"])

    @task
    def clean_airflow() -> Passed:
        from include.settings import settings
        from include.tasks.retention import run

        context: Passed = get_current_context()
        return run.clean_airflow(settings(), dry_run=context["params"]["dry_run"])

    @task
    def clean_spool() -> Passed:
        from include.settings import settings
        from include.tasks.retention import run

        context: Passed = get_current_context()
        return run.clean_spool(settings(), dry_run=context["params"]["dry_run"])

    retain_log.expand(experiment=experiments())
    compact_lake()
    clean_airflow()
    clean_spool()


retain_and_compact()
