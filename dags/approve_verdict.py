"""A recommendation to end an experiment → a person's answer → what follows from it.

`decide_experiments` starts one run per question. `approve` shows the evidence as a table and waits,
without a worker, for *Approve* or *Reject* under **Required Actions**; say why in the form.

- **Approve**: a new revision fixes the policy to the winner (or to the default shares, for a stop),
  with the floor and the holdout that `verdict` declares for good; the experiment is concluded, or
  goes on fixed where there is such a floor or holdout. `answer` publishes that version at once.
- **Reject**: recorded with who, when and why; the experiment goes on, and is asked for again after
  its next batch if the recommendation still stands.

What was published before never changes. An answer to an experiment that has ended meanwhile is
recorded as superseded. `select * from allot.recommendations` shows what became of each.

### When it is red
| task | usual cause | what to do |
|---|---|---|
| `evidence` skipped | the question was answered already | nothing |
| `approve` | nobody answered for 28 days | clear it: the form is shown again |
| `answer` | PostgreSQL or Dragonfly away | clear it: it finds what was committed |
"""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from dags.mapped import Passed, run_of
from plugins.allot_notifier import AllotNotifier

APPROVE, REJECT = "Approve", "Reject"


@dag(
    schedule=None,
    catchup=False,
    # Waiting costs no worker, and one open question must not hold up another.
    max_active_runs=100,
    max_active_tasks=100,
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=10),
    },
    params={
        "experiment": Param("", type="string", title="Experiment", description="Slug."),
        "batch_id": Param("", type="string", title="Batch", description="Of the recommendation."),
        "judgement_hash": Param(
            "", type="string", title="Judgement", description="Of the recommendation."
        ),
    },
    tags=["allot", "verdict", "approval"],
    doc_md=__doc__,
)
def approve_verdict() -> None:
    """Ask a person, and do what was answered."""

    @task(doc_md="Reads the recommendation for the form.")
    def evidence() -> Passed:
        from include.settings import settings
        from include.tasks.decide.follow import form

        shown = form(settings(), _key(get_current_context()))
        if shown is None:
            raise AirflowSkipException("this question was answered already")
        return dict(shown)

    @task(doc_md="Records the answer, ends the experiment if approved, and publishes.")
    def answer(given: Passed) -> str:
        from datetime import UTC, datetime

        from include.settings import settings
        from include.tasks.decide.follow import record_answer

        context: Passed = get_current_context()
        user = given.get("responded_by_user") or {}
        at = given.get("responded_at")
        told = record_answer(
            settings(),
            _key(context),
            approved=APPROVE in given["chosen_options"],
            answered_by=user.get("name") or user.get("id") or "a user of Airflow",
            reason=str((given.get("params_input") or {}).get("reason") or ""),
            answered_at=datetime.fromisoformat(str(at)) if at else datetime.now(UTC),
            dag_run=run_of(context),
        )
        return told.answer

    asked = evidence()
    approve = HITLOperator(
        task_id="approve",
        subject="{{ ti.xcom_pull(task_ids='evidence')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='evidence')['body'] }}",
        options=[APPROVE, REJECT],
        params={
            "reason": Param(
                "", type="string", title="Why", description="Kept with the answer.", maxLength=2000
            )
        },
        notifiers=[
            AllotNotifier(
                "approval",
                "{{ ti.xcom_pull(task_ids='evidence')['subject'] }}",
                "Answer it in Airflow under Required Actions.",
                "{{ params.experiment }}",
            )
        ],
        response_timeout=timedelta(days=28),
        doc_md="Waits for a person, without a worker.",
    )
    asked >> approve >> answer(approve.output)


def _key(context: Passed) -> Passed:
    from include.stores.reports.decisions import Key

    given = context["params"]
    return Key(given["experiment"], given["batch_id"], given["judgement_hash"])


approve_verdict()
