"""The steps of the DAGs, one after another, again and again: what Airflow would run.

They run in a process of their own, as tasks do: ``python -m faults.batches EXPERIMENT`` runs them
once per line of its input, and answers with a line of JSON.
"""

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from include.settings import Settings, settings

PAUSE_SECONDS = 1.0
# As the execution timeout of a task: what takes longer is killed, and run again.
DEADLINE_SECONDS = 30.0


def step_all(chosen: Settings, experiment: str) -> bool:
    """Ingest, learn, publish, reconcile; return whether there was anything to do."""
    from include.tasks.decision_log.export import export_log
    from include.tasks.decision_log.run import waiting
    from include.tasks.decision_log.silver import make_silver
    from include.tasks.reconcile import reconcile_experiment
    from include.tasks.update_run import aggregate_experiment, publish_row, update_row

    made = make_silver(chosen, experiment, export_log(chosen, experiment).covered_until)
    due = waiting(chosen, [experiment])
    row = aggregate_experiment(chosen, experiment)
    done = publish_row(chosen, update_row(chosen, row, until=None, dag_run="faults"))
    reconcile_experiment(chosen, experiment)
    return bool(due or made.batches or done["versions"])


@dataclass
class Batches:
    """The steps, repeated while a block runs; a failed run is followed by the next.

    Attributes
    ----------
    runs
        How many ended well.
    failures
        When one failed, and by what.
    """

    environment: Mapping[str, str]
    experiment: str
    runs: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)
    _process: "subprocess.Popen[str] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self) -> bool:
        """Run the steps once; return whether anything was to do, or they failed."""
        with self._lock:
            told = self._asked()
        if "error" in told:
            self.failures.append((time.time(), told["error"]))
            return True
        self.runs += 1
        return bool(told["worked"])

    def _asked(self) -> dict[str, Any]:
        process = self._process or self._started()
        if process.stdin is None or process.stdout is None:
            raise TypeError("the steps have no pipes")
        process.stdin.write("\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE_SECONDS)
        if not ready:
            self.end()
            return {"error": f"ended by its deadline of {DEADLINE_SECONDS:.0f} s"}
        told: dict[str, Any] = json.loads(process.stdout.readline())
        return told

    def _started(self) -> "subprocess.Popen[str]":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.batches", self.experiment],
            env=dict(self.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        return self._process

    def end(self) -> None:
        """Kill the steps' process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @contextmanager
    def repeated(self) -> Iterator[None]:
        """Repeat the steps while the block runs."""
        stop = threading.Event()

        def repeat() -> None:
            while not stop.wait(PAUSE_SECONDS):
                self.once()

        thread = threading.Thread(target=repeat)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def batches(environment: Mapping[str, str], experiment: str) -> Iterator[Batches]:
    """Keep the steps' process while the block runs."""
    steps = Batches(environment, experiment)
    try:
        yield steps
    finally:
        steps.end()


def _serve(experiment: str) -> None:
    for _ in sys.stdin:
        try:
            told: dict[str, object] = {"worked": step_all(settings(), experiment)}
        except Exception as error:  # noqa: BLE001 - as Airflow: whatever failed is tried again
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
