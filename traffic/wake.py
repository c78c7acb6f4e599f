"""Keep the DAGs at the pace of minutes: one run after another while a play lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from stack.airflow_client import AirflowClient

LOG_DAG: Final = "ingest_decision_log"
# What it wakes in turn, by asset events.
FOLLOWING: Final = ("update_allocation", "judge_experiments")
RUN_OVER: Final = {"success", "failed"}
PAUSE_SECONDS: Final = 10.0


@contextmanager
def waking(airflow: AirflowClient) -> Iterator[None]:
    """Start the ingest again whenever it has ended, as a short schedule would."""
    stop = threading.Event()
    thread = threading.Thread(target=_repeat, args=(airflow, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _repeat(airflow: AirflowClient, stop: threading.Event) -> None:
    run: str | None = None
    while not stop.wait(PAUSE_SECONDS):
        if run is None or airflow.run(LOG_DAG, run)["state"] in RUN_OVER:
            run = airflow.trigger(LOG_DAG)


def finish(airflow: AirflowClient) -> None:
    """Run the whole chain once more, so that the last closed batch is in what is shown."""
    for dag in (LOG_DAG, *FOLLOWING):
        airflow.wait(dag, airflow.trigger(dag))
