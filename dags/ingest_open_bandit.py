"""Logs of the Open Bandit Dataset → bronze → silver and quarantine.

### What it does
Trigger it with the form: campaigns, behavior policies, and where the files are. Per log (mapped;
the index is campaign/policy):
1. `ingest` stores the file and its item features in bronze, unchanged, by their SHA-256. Bytes
   that are there already are not stored again.
2. `validate` checks every row with Great Expectations and replaces the log's partitions of silver
   in one commit. Refused rows go to quarantine with the expectation's name; the button *Validation
   report* shows what was found. Rows in = silver + quarantined, or it fails.
3. `item_features` makes the item features silver.

One log that fails does not hold up another: `announce` wakes `update_allocation` for what became
silver, and `report` is red and names what did not.

A folder has the layout of the published release, `<policy>/<campaign>/<campaign>.csv` and
`item_context.csv` beside it, and must be readable by Airflow's workers. Files may have any size:
they are streamed. `python -m include.tasks.generate` writes such folders with known truth.

Everything may be repeated, and run twice at once: the same file leaves the same silver.

### When it is red
- `ingest`, *does not exist*, *cannot be read*, *is empty*: the message names the file. Check the
  folder, then clear the task.
- `ingest`, *changed while it was read*: the delivery still goes on. Clear the task once it is
  complete.
- `validate`, *columns_are_declared*, *has_rows*: this is no complete log of the campaign. The
  message names the columns. Silver is as it was.
- `validate`, *rows read were refused*: more than `quality.refused_share` of an experiment. Silver
  is as it was; the report and `allot.quarantine_count` show which rows and arms. Deliver a
  corrected file and trigger again, or declare a larger share if the loss does not depend on
  the arm.
- `validate`, *another run replaced*: two different files of one log were ingested at once. Trigger
  again with the one that shall stand.
- S3 or PostgreSQL is away: `make status`; then clear the task.
"""

from datetime import timedelta

from airflow.sdk import Param, dag, get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowSkipException

from dags.assets import BRONZE, FEEDBACK
from dags.mapped import Passed, every
from include.links import DATA_DOCS

CAMPAIGNS = ["all", "men", "women"]
BEHAVIOR_POLICIES = ["random", "bts"]
NAMED = "{{ log }}"


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=60),
    },
    params={
        "campaigns": Param(
            CAMPAIGNS,
            type="array",
            items={"type": "string", "enum": CAMPAIGNS},
            minItems=1,
            uniqueItems=True,
            examples=CAMPAIGNS,
            title="Campaigns",
        ),
        "behavior_policies": Param(
            BEHAVIOR_POLICIES,
            type="array",
            items={"type": "string", "enum": BEHAVIOR_POLICIES},
            minItems=1,
            uniqueItems=True,
            examples=BEHAVIOR_POLICIES,
            title="Behavior policies",
        ),
        "source": Param(
            "obp sample",
            type="string",
            minLength=1,
            title="Source",
            description="“obp sample” (packaged logs of 10,000 rows), or the folder of a release.",
        ),
    },
    tags=["allot", "ingest"],
    doc_md=__doc__,
)
def ingest_open_bandit() -> None:
    """Bring logs of the Open Bandit Dataset into silver."""

    @task
    def logs() -> list[dict[str, str]]:
        params = get_current_context()["params"]
        return [
            {"campaign": campaign, "behavior_policy": policy}
            for campaign in params["campaigns"]
            for policy in params["behavior_policies"]
        ]

    @task(map_index_template=NAMED, outlets=[BRONZE], doc_md="Stores the files, unchanged.")
    def ingest(log: Passed) -> Passed:
        from dataclasses import asdict

        from include.settings import settings
        from include.tasks.ingest import ingest_log

        context = _named(log)
        source = context["params"]["source"]
        return asdict(ingest_log(settings(), log["campaign"], log["behavior_policy"], source))

    @task(
        map_index_template=NAMED,
        doc_md="Checks every row; replaces the log's silver. The button opens the report.",
    )
    def validate(found: Passed) -> Passed:
        from dataclasses import asdict

        from include.settings import settings
        from include.tasks.validate import validate_log

        context = _named(found)
        done = validate_log(
            settings(),
            found["campaign"],
            found["behavior_policy"],
            found["log_key"],
            # Pushed before a refusal fails the task, so that the button is there when needed.
            on_report=lambda link: context["ti"].xcom_push(key=DATA_DOCS, value=link),
        )
        return asdict(done)

    @task(map_index_template=NAMED, doc_md="Makes the item features silver.")
    def item_features(found: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.item_features import load_item_features

        _named(found)
        return load_item_features(
            settings(), found["campaign"], found["behavior_policy"], found["items_key"]
        )

    @task_group
    def each(log: Passed) -> Passed:
        found = ingest(log)
        item_features(found)
        return validate(found)

    @task(trigger_rule="all_done", outlets=[FEEDBACK], doc_md="Wakes what follows, once a run.")
    def announce(validated: Passed) -> None:
        if not validated:
            raise AirflowSkipException("no log became silver, so nothing follows")

    @task(trigger_rule="all_done", retries=0, doc_md="Ends with a table; red if a log failed.")
    def report(chosen: Passed, validated: Passed) -> None:
        from include.tasks.ingest_report import report_logs

        report_logs(list(chosen), every(validated))

    chosen: Passed = logs()
    validated: Passed = each.expand(log=chosen)
    announce(validated)
    report(chosen, validated)


def _named(log: Passed) -> Passed:
    """Name the mapped task by its log, and return its context."""
    context: Passed = get_current_context()
    context["log"] = f"{log['campaign']}/{log['behavior_policy']}"
    return context


ingest_open_bandit()
