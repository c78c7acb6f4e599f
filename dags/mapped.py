"""Tasks that run once per experiment: their names, the form's field, what they are handed."""

from typing import Any, TypeAlias

from airflow.sdk import Param, get_current_context

# What Airflow hands from task to task: a value at run time, a reference while it parses.
Passed: TypeAlias = Any

NAMED = "{{ experiment }}"

EXPERIMENTS = Param(
    [],
    type=["array", "null"],
    items={"type": "string"},
    title="Experiments",
    description="Slugs, as obd-men. Empty: all that are running.",
)


def named(experiment: str) -> Passed:
    """Name the mapped task by its experiment (see `NAMED`), and return its context."""
    context: Passed = get_current_context()
    context["experiment"] = experiment
    return context


def run_of(context: Passed) -> str:
    """Return what rows call this run: its DAG and its id."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def every(rows: Passed) -> list[Passed]:
    """Return what mapped tasks returned; Airflow hands over the row itself where there is one."""
    return [rows] if isinstance(rows, dict) else list(rows or ())


def chosen() -> list[str]:
    """Return the experiments that the form names; all running ones where it names none."""
    from include.settings import settings
    from include.tasks.evaluate import chosen_experiments

    return chosen_experiments(settings(), get_current_context()["params"]["experiments"] or [])
