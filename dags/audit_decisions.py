"""Recompute decisions and published versions, and fail with those that differ.

### What it does
Every night, per experiment: each decision in the log is drawn again from the snapshot that it names
(bucket, arm, share, name, id; where nothing was drawn: flag, default arm, participation), and each
published version is computed again from the sums that it names (posterior, allocation, bytes). It
goes on where the last audit that passed had ended; `scope` = `all` recomputes everything there is.
A million decisions take about a minute. Nothing that is judged is written.

### When it is red
- `… differ`: rows are not what they were when they were written, or were not written by this
  project's code. The rows, with what was expected, stand in `allot.audit_finding` (view
  `allot.audit_outcome` has the newest audit per experiment); `docs/howto/audit.md` says how to read
  them. Ask who had write access to PostgreSQL, compare with a backup. It stays red until an audit
  passes: the next one recomputes the same rows again.
- `not audited`: that experiment's task failed; its log says why (PostgreSQL away, most likely).

`unknown` is not red: versions made by an earlier method, which this code does not compute. To audit
them, check out the revision that published them.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, task

from dags.mapped import NAMED, Passed, every, named

SCOPE = Param(
    "new",
    type="string",
    enum=["new", "all"],
    title="Scope",
    description="new: what came since the last audit that passed. all: everything there is.",
)


@dag(
    schedule="40 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"scope": SCOPE},
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    },
    tags=["allot", "audit"],
    doc_md=__doc__,
)
def audit_decisions() -> None:
    """Audit the decision log and the published versions."""

    @task
    def experiments() -> Passed:
        from include.settings import settings
        from include.tasks.experiments import registered

        return registered(settings())

    @task(map_index_template=NAMED, max_active_tis_per_dagrun=1)
    def audit(experiment: str) -> Passed:
        from include.settings import settings
        from include.tasks.audit.run import audit_experiment

        context = named(experiment)
        everything = context["params"]["scope"] == "all"
        run = context["dag_run"].run_id
        return dict(audit_experiment(settings(), experiment, everything=everything, dag_run=run))

    @task(trigger_rule="all_done", retries=0)
    def report(experiments: Passed, rows: Passed) -> None:
        from include.tasks.audit.run import report_audits

        report_audits(experiments, [row for row in every(rows) if row is not None])

    names = experiments()
    report(names, audit.expand(experiment=names))


audit_decisions()
