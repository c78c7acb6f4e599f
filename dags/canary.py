"""A task every minute, so that `make status` sees whether tasks run at all.

### What it does
Nothing, once a minute. Airflow's own health is its scheduler's heartbeat, and a scheduler whose
database locks are held, or whose executor is stuck, beats on and runs nothing. `make status` calls
the scheduler healthy only if this task came to its end lately.

### When it is red
It cannot fail by itself: its log says what kept a process from starting (memory, disk, database).
When its runs stay queued, look at the scheduler (`make logs PARTS=airflow-scheduler`) and restart
it: `python -m stack restart airflow-scheduler`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task


@dag(
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 1,
        "retry_delay": timedelta(seconds=5),
        "execution_timeout": timedelta(minutes=1),
    },
    tags=["allot", "platform"],
    doc_md=__doc__,
)
def canary() -> None:
    """Show that a task can run."""

    @task
    def sing() -> None:
        """Come to an end."""

    sing()


canary()
