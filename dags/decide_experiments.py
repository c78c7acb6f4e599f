"""New judgements → what to do with every running experiment, and who is asked.

### What it does
1. `experiments` lists those that run and that no verdict has ended.
2. Per experiment (mapped; the index is its slug): `decide` applies the rule to the newest judgement
   and writes one row of `allot.recommendation`: keep running, ship an arm, or stop for harm, for
   futility or after the longest duration, with every condition, its value and its threshold.
   `end` ends the experiment where it declares `verdict.ship = "automatic"`.
3. `questions` starts a run of `approve_verdict` for every recommendation to end that a person must
   approve: once, not every day.
4. `report` ends the log with a table, and names the experiments that failed.

`select * from allot.recommendations` says what is recommended and what became of it;
`allot.recommendation_checks` says why.

### When it is red
| task | usual cause | what to do |
|---|---|---|
| `decide`, `LineageError` | sums do not hash to their name | restore `allot.arm_statistics` |
| `decide` | PostgreSQL away | `make status`; clear the task: repeating it changes nothing |
| `end` | PostgreSQL or Dragonfly away | clear the task: it finds what was committed |
| `ask` | `approve_verdict` is missing or broken | look at Airflow's import errors |
| `report` | an experiment failed | its own task's log says why; the others went on |

One experiment that fails never holds up another. Every task may run twice at once.
"""

from datetime import timedelta

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, task, task_group

from dags.assets import JUDGEMENTS, RECOMMENDATIONS
from dags.deadlines import ends_within
from dags.mapped import NAMED, Passed, every, named, run_of


@dag(
    schedule=[JUDGEMENTS],
    catchup=False,
    max_active_runs=1,
    deadline=ends_within(
        timedelta(minutes=30), "Look at decide_experiments: no verdict falls until it has ended."
    ),
    default_args={
        "owner": "allot",
        "retries": 2,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=10),
    },
    tags=["allot", "inference", "verdict"],
    doc_md=__doc__,
)
def decide_experiments() -> None:
    """Say what to do with every experiment."""

    @task
    def experiments() -> list[str]:
        from include.settings import settings
        from include.tasks.decide.step import undecided

        return undecided(settings())

    @task(map_index_template=NAMED, doc_md="Applies the rule to the newest judgement.")
    def decide(experiment: str) -> Passed:
        from include.settings import settings
        from include.tasks.decide.follow import decide_row

        return decide_row(settings(), experiment, dag_run=run_of(named(experiment)))

    @task(map_index_template=NAMED, doc_md="Ends what is declared to end automatically.")
    def end(row: Passed) -> Passed:
        from include.settings import settings
        from include.tasks.decide.follow import end_row

        end_row(settings(), row, dag_run=run_of(named(row["experiment"])))
        return row

    @task_group
    def each(experiment: str) -> Passed:
        return end(decide(experiment))

    @task(
        trigger_rule="all_done",
        outlets=[RECOMMENDATIONS],
        doc_md="What waits for a person, one run each.",
    )
    def questions(rows: Passed) -> list[Passed]:
        from include.settings import settings
        from include.tasks.decide import follow

        return [
            {"trigger_run_id": follow.question_id(key), "conf": key._asdict()}
            for key in follow.questions(settings(), every(rows))
        ]

    @task(trigger_rule="all_done", retries=0)
    def report(names: Passed, rows: Passed) -> None:
        from include.tasks.decide.follow import report_decisions

        report_decisions(list(names), every(rows))

    names: Passed = experiments()
    rows: Passed = each.expand(experiment=names)
    TriggerDagRunOperator.partial(
        task_id="ask",
        trigger_dag_id="approve_verdict",
        skip_when_already_exists=True,
        map_index_template="{{ task.trigger_run_id }}",
        doc_md="Starts the run that asks; one that was started before is left alone.",
    ).expand_kwargs(questions(rows))
    report(names, rows)


decide_experiments()
