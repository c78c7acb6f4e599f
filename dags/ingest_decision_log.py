"""The API's decision log → bronze → silver and quarantine, experiment by experiment.

### What it does
Every few minutes (`ALLOT_LOG_SCHEDULE_SECONDS`), per experiment on the API's own decisions (mapped;
the index is its slug):
1. `export` brings decisions, rewards and exposures that were written since to bronze: those of all
   transactions that have ended. Unit ids are replaced by pseudonyms before they leave PostgreSQL.
2. `make_silver` finds out which batches they change, checks every row of those with Great
   Expectations, joins rewards and exposures by their windows, and replaces each batch in one
   commit. What arrives late but occurred in the window restates its batch. Refused rows go to
   quarantine with the expectation's name; the button *Validation report* shows what was found.

`announce` wakes `update_allocation` when a batch changed or closed. What joins nothing stays
in the log; the views `allot.reward_outcome` and `allot.exposure_outcome` say why.

Everything may be repeated, killed, and run twice at once: what is exported together was fixed
before it was read, and how far silver has come is noted last.

### When it is red
- `export`, *restored into a new cluster*: the message says which transaction id to start from.
- `make_silver`, *rows were refused*: more than `quality.refused_share` of a batch. Its silver is as
  it was, so it is not learned from; other batches went on. The report shows names and rows.
- `make_silver`, *another run replaced*: two runs met. The retry does what is left.
- S3 or PostgreSQL is away: `make status`. Nothing is lost: the next run goes on.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import DECISION_LOG, FEEDBACK
from dags.mapped import NAMED, Passed, every, named
from include.links import DATA_DOCS
from include.schedules import log_schedule


@dag(
    schedule=log_schedule(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["allot", "ingest"],
    doc_md=__doc__,
)
def ingest_decision_log() -> None:
    """Bring the decision log into silver."""

    @task
    def experiments() -> list[str]:
        from include.settings import settings
        from include.tasks.decision_log.run import on_decision_log

        return on_decision_log(settings())

    @task(map_index_template=NAMED, outlets=[DECISION_LOG], doc_md="Stores what was written since.")
    def export(experiment: str) -> Passed:
        from dataclasses import asdict

        from include.settings import settings
        from include.tasks.decision_log.export import export_log

        named(experiment)
        return asdict(export_log(settings(), experiment))

    @task(map_index_template=NAMED, doc_md="Replaces the batches that changed.")
    def make_silver(exported: Passed) -> Passed:
        from dataclasses import asdict

        from include.settings import settings
        from include.tasks.decision_log.silver import make_silver

        context = named(exported["experiment"])
        done = make_silver(settings(), exported["experiment"], exported["covered_until"])
        if done.docs_link:
            context["ti"].xcom_push(key=DATA_DOCS, value=done.docs_link)
        return asdict(done)

    @task_group
    def each(experiment: str) -> Passed:
        return make_silver(export(experiment))

    @task(trigger_rule="all_done", outlets=[FEEDBACK], doc_md="Wakes what follows, once a run.")
    def announce(chosen: Passed) -> None:
        from include.settings import settings
        from include.tasks.decision_log.run import waiting

        if not waiting(settings(), list(chosen or ())):
            raise AirflowSkipException("no batch is to be summed, so nothing follows")

    @task(trigger_rule="all_done", retries=0, doc_md="Ends with a table; red if one failed.")
    def report(chosen: Passed, done: Passed) -> None:
        from include.tasks.decision_log.run import report_ingest

        report_ingest(list(chosen or ()), every(done))

    chosen: Passed = experiments()
    done: Passed = each.expand(experiment=chosen)
    done >> announce(chosen)
    report(chosen, done)


ingest_decision_log()
