"""The guard's step of a run: one experiment's row, and what people are told of it."""

from datetime import datetime

from include.notify import Event, notify
from include.settings import Settings
from include.tasks.guard import GuardReport, guard_experiment
from include.tasks.rollback import RolledBack
from include.tasks.update_run import RunRow

RESUME = "Publishing is held until a person resumes it: run the DAG release_allocation."


def guard_row(settings: Settings, row: RunRow, *, until: datetime | None, dag_run: str) -> RunRow:
    """Judge the closed batches of the experiment of a row; tell people where one is stopped."""
    report = guard_experiment(settings, row["experiment"], dag_run=dag_run, until=until)
    if report.checked and report.action != "proceed":
        notify(settings, _event(settings, report))
    return RunRow(**row, guard=report.action, guarded=len(report.checked))


def tell_of_rollback(settings: Settings, done: RolledBack, *, by: str, why: str) -> bool:
    """Tell people of a roll-back by hand."""
    back = "the declared default" if done.restored is None else f"v{done.restored}"
    return notify(
        settings,
        Event(
            kind="rollback",
            title=f"v{done.version} brings back {back}",
            text=f"{why} {RESUME}",
            experiment=done.experiment,
            link=_link(settings, done.experiment),
            facts={"by": by},
        ),
    )


def _event(settings: Settings, report: GuardReport) -> Event:
    went_back = report.action == "roll_back"
    mismatch = "srm fail" in report.explanation
    batches = ", ".join(report.checked)
    return Event(
        kind="sample_ratio" if mismatch and not went_back else "rollback",
        title=(
            f"guardrails rolled the shares back (v{report.version})"
            if went_back
            else "a batch may not move weights: its log cannot be trusted"
        ),
        text=f"{report.explanation}. " + (RESUME if went_back else "The weights stay as they are."),
        experiment=report.experiment,
        link=_link(settings, report.experiment),
        facts={"judged": batches},
    )


def _link(settings: Settings, experiment: str) -> str:
    from include.tasks.update_run import allocation_url

    return allocation_url(settings, experiment)
