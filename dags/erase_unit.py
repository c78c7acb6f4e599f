"""Erase a unit: from the decision and reward log, and the key behind its pseudonyms in the lake.

### What it does
Per experiment, in one transaction: unit and request ids are removed from the unit's decisions, and
its rewards are addressed by their decision instead; other answers that were kept aside are deleted;
the row of `allot.unit_key` is deleted, so that the pseudonym in bronze and silver leads nowhere. A
row in `allot.erasure` says that it happened, how many records it touched and who asked, never whose
they were. Statistics, weights and verdicts stay: they hold sums. The audit holds, too: the bucket
that was stored with each decision stands in for the unit.

The key is one for all experiments: where you name some, the unit goes on under a new pseudonym in
the others. A unit that comes back later is a new one.

### What it does not reach
Records that still wait in a spool (run it again when the database had been away), backups made
before, and the form of this very run: `retain_and_compact` deletes runs of this DAG within a day;
delete the run by hand where that is too late.

### When it is red
- `an export to the lake has begun and not ended`: run `ingest_decision_log` to its end, then clear
  the task. Experiments that went through stay erased.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, dag, get_current_context, task

from dags.mapped import NAMED, Passed, named

PARAMS = {
    "unit": Param(
        type="string", minLength=1, maxLength=256, title="Unit", description="its id, exactly"
    ),
    "experiments": Param(
        [],
        type="array",
        items={"type": "string"},
        title="Experiments",
        description="slugs, one a line; none: all experiments",
    ),
    "requested_by": Param(
        type="string",
        minLength=1,
        title="Requested by",
        description="who asked: a ticket, never the unit; kept for ever",
    ),
    "reason": Param("request of the person", type="string", title="Reason", minLength=1),
}


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    render_template_as_native_obj=False,
    default_args={
        "owner": "allot",
        "retries": 5,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["allot", "retention"],
    doc_md=__doc__,
)
def erase_unit() -> None:
    """Erase a unit from the log."""

    @task
    def experiments() -> Passed:
        from include.settings import settings
        from include.tasks.experiments import registered
        from include.tasks.retention.erase import chosen_experiments

        context: Passed = get_current_context()
        return chosen_experiments(registered(settings()), context["params"]["experiments"])

    @task(map_index_template=NAMED, max_active_tis_per_dagrun=1)
    def erase(experiment: str) -> Passed:
        from airflow.sdk.log import mask_secret

        from include.settings import settings
        from include.tasks.retention.erase import erase_unit as forget

        context = named(experiment)
        params = context["params"]
        mask_secret(params["unit"])
        return dict(
            forget(
                settings(),
                experiment,
                params["unit"],
                requested_by=params["requested_by"],
                reason=params["reason"],
            )
        )

    erase.expand(experiment=experiments())


erase_unit()
