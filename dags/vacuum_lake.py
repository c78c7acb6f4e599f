"""Free the lake's space of files that no version within the audit horizon refers to.

### What it does
Once a day, per table of the lake: files that a killed writer left behind, and files that only
versions beyond the audit horizon (`ALLOT_LAKE_HORIZON_DAYS`) refer to, are deleted. Every version
that a table's log still has stays readable, and so does what a writer at work has not committed
yet: files without a commit are kept for a day, longer than any task may run.

### When it is red
- S3 is away: `make status`; then clear the task. What was deleted before it stopped was of no
  version; the next run deletes the rest.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

from dags.mapped import Passed


@dag(
    schedule=timedelta(days=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 1,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["allot", "lake"],
    doc_md=__doc__,
)
def vacuum_lake() -> None:
    """Delete files of the lake that nothing refers to."""

    @task(doc_md="Deletes unreferenced files; the log says how many of each table.")
    def vacuum() -> Passed:
        from include.settings import settings
        from include.tasks.vacuum import vacuum_lake

        return vacuum_lake(settings())

    vacuum()


vacuum_lake()
