"""Run the loop on the Open Bandit Dataset: start the stack, run the DAGs, show what came out."""

import os
import sys
import time
from itertools import pairwise
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from demo.links import show_links
from demo.report import show
from include.errors import AllotError
from stack.airflow_client import TASK_OVER, AirflowClient, TaskState
from stack.config import StackConfig
from stack.platform import Stack
from stack.progress import StartProgress

CHAIN: Final = ("ingest_open_bandit", "update_allocation", "evaluate_policies")
EXPERIMENTS: Final = ("obd-men", "obd-women", "obd-all")
# Asset events are scheduled within a second or two; they can also be dropped.
WOKEN_WITHIN_SECONDS: Final = 6.0
# Where there is no terminal to ask for its width, tables are not squeezed into 80 columns.
PLAIN_WIDTH: Final = 120


def main() -> int:
    """Run the demo; a foreseen error is one message, no traceback."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PLAIN_WIDTH)
    begun = time.monotonic()
    stack = Stack(StackConfig(), os.environ)
    try:
        with StartProgress(console) as progress:
            stack.up(progress=progress)
        with AirflowClient.from_environment(stack.environment) as airflow:
            run_chain(airflow, console)
    except AllotError as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False)
        return 1
    console.print()
    show(console, stack.environment["ALLOT_READER_DATABASE_URL"], EXPERIMENTS)
    show_links(console, stack.environment)
    console.print(
        f"The demo took {time.monotonic() - begun:.0f} s. The stack stays up: `make down`."
    )
    return 0


def run_chain(airflow: AirflowClient, console: Console) -> None:
    """Run ingestion; what it wakes follows, and is started by hand where the event was lost."""
    for dag in CHAIN:
        airflow.wait_for_dag(dag)
    run = airflow.trigger(CHAIN[0])
    follow(airflow, CHAIN[0], run, console)
    for before, dag in pairwise(CHAIN):
        # What an earlier run woke saw less than this one wrote.
        since = str(airflow.run(before, run)["start_date"])
        for run in woken(airflow, dag, since) or [airflow.trigger(dag)]:
            follow(airflow, dag, run, console)


def woken(airflow: AirflowClient, dag: str, since: str) -> list[str]:
    """Return the runs that asset events have started since then; empty if none was in time."""
    deadline = time.monotonic() + WOKEN_WITHIN_SECONDS
    while time.monotonic() < deadline:
        runs = airflow.runs(dag, run_after_gte=since, run_type="asset_triggered")
        if runs:
            return [str(run["dag_run_id"]) for run in reversed(runs)]
        time.sleep(0.3)
    return []


def follow(airflow: AirflowClient, dag: str, run: str, console: Console) -> None:
    """Show a run's progress until it has succeeded."""
    begun = time.monotonic()

    def line(state: str, tasks: list[TaskState]) -> Table:
        over = sum(task.state in TASK_OVER for task in tasks)
        at_work = ", ".join(task.label for task in tasks if task.state == "running")
        mark = "[green]✓" if state == "success" else "[yellow]…"
        table = Table.grid(padding=(0, 2))
        table.add_row(
            mark, dag, f"{over}/{len(tasks)}", f"{time.monotonic() - begun:5.1f} s", at_work
        )
        return table

    with Live(console=console, refresh_per_second=4, transient=not console.is_terminal) as live:
        tasks = airflow.wait(
            dag, run, progress=lambda state, tasks: live.update(line(state, tasks))
        )
    if not console.is_terminal:
        console.print(line("success", tasks))


if __name__ == "__main__":
    sys.exit(main())
