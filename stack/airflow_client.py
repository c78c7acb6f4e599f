"""Airflow by its REST API: start a run, follow it, read what its tasks said.

A CLI call costs seconds and its own copy of Airflow; a REST call costs milliseconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from include.errors import StackError

OVER = {"success", "failed"}
TASK_OVER = {"success", "failed", "skipped", "upstream_failed", "removed"}
PATIENCE_SECONDS = 60.0
"""Airflow's first answers after its start take long on a busy machine."""


@dataclass(frozen=True)
class TaskState:
    """One task instance of a run; `state` is None before it is scheduled."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    rendered_map_index: str | None
    duration: float | None

    @property
    def label(self) -> str:
        """The task's name with its mapped experiment or number."""
        if self.map_index < 0:
            return self.task_id
        return f"{self.task_id} [{self.rendered_map_index or self.map_index}]"


class AirflowClient:
    """A session with Airflow's REST API; its token is renewed when it has run out.

    Parameters
    ----------
    url, user, password : str
        As ``ALLOT_AIRFLOW_URL``, ``…_USER`` and ``…_PASSWORD`` say.
    """

    def __init__(
        self, url: str, user: str, password: str, timeout: float = PATIENCE_SECONDS
    ) -> None:
        self.url = url.rstrip("/")
        self._credentials = {"username": user, "password": password}
        # Airflow is on loopback: a proxy of the shell must not see the password.
        self._http = httpx.Client(base_url=self.url, timeout=timeout, trust_env=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Make a client for the Airflow that an environment names."""
        names = ("ALLOT_AIRFLOW_URL", "ALLOT_AIRFLOW_USER", "ALLOT_AIRFLOW_PASSWORD")
        missing = [name for name in names if name not in environment]
        if missing:
            raise StackError(f"{', '.join(missing)} not set; run this by `python -m stack run`")
        url, user, password = (environment[name] for name in names)
        return cls(url, user, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def request(self, method: str, path: str, **given: Any) -> Any:  # noqa: ANN401
        """Call ``/api/v2`` + path and return the parsed answer.

        Raises
        ------
        StackError
            When Airflow refuses or does not answer, with its own words.
        """
        try:
            # Only reading is repeated: a lost answer to a trigger may hide a run that was started.
            attempts = 3 if method == "GET" else 1
            answer = _repeated(attempts)(self._send, method, path, **given)
        except httpx.HTTPError as error:
            raise StackError(f"Airflow at {self.url} does not answer: {error}") from error
        if answer.is_error:
            raise StackError(f"Airflow refuses {method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:  # noqa: ANN401
        if "Authorization" not in self._http.headers:
            self._log_in()
        answer = self._http.request(method, f"/api/v2{path}", **given)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._log_in()
            answer = self._http.request(method, f"/api/v2{path}", **given)
        return answer

    def _log_in(self) -> None:
        self._http.headers.pop("Authorization", None)
        answer = self._http.post("/auth/token", json=self._credentials)
        if answer.is_error:
            raise StackError(f"Airflow refuses the login: {answer.status_code} {answer.text}")
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def import_errors(self) -> dict[str, str]:
        """Return the tracebacks of DAG files that cannot be read, by file name."""
        found = self.request("GET", "/importErrors", params={"limit": 100})["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def wait_for_dag(self, dag_id: str, timeout: float = 120.0) -> None:
        """Wait until the DAG processor has read a DAG, and let it run.

        Raises
        ------
        StackError
            When it does not appear in time, with the import errors that there are.
        """
        deadline = time.monotonic() + timeout
        while not self._knows(dag_id):
            if time.monotonic() > deadline:
                errors = "\n".join(self.import_errors().values()) or "no import errors"
                raise StackError(f"Airflow knows no DAG {dag_id} after {timeout:.0f} s: {errors}")
            time.sleep(0.3)
        self.request("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def _knows(self, dag_id: str) -> bool:
        answer = self._send("GET", f"/dags/{dag_id}")
        return answer.status_code == httpx.codes.OK

    def trigger(self, dag_id: str, conf: Mapping[str, object] | None = None, **given: Any) -> str:  # noqa: ANN401
        """Start a run and return its id; `given` goes with it, as ``partition_key`` does."""
        body = {"logical_date": None, "conf": dict(conf or {}), **given}
        run = self.request("POST", f"/dags/{dag_id}/dagRuns", json=body)
        return str(run["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one run: state, conf, dates."""
        found: dict[str, Any] = self.request("GET", f"/dags/{dag_id}/dagRuns/{run_id}")
        return found

    def runs(self, dag_id: str, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Return a DAG's runs (``~`` for all DAGs), newest first."""
        given = {"order_by": "-run_after", "limit": 100, **filters}
        found = self.request("GET", f"/dags/{dag_id}/dagRuns", params=given)
        return list(found["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the states of a run's task instances."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return [
            TaskState(
                task_id=found["task_id"],
                map_index=found["map_index"],
                state=found["state"],
                try_number=found["try_number"],
                rendered_map_index=found.get("rendered_map_index"),
                duration=found.get("duration"),
            )
            for found in self._pages(path, "task_instances")
        ]

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self.request("GET", path, params={"limit": 100, "offset": offset})
            yield from page[key]
            offset += len(page[key])
            if not page[key] or offset >= page["total_entries"]:
                return

    def task_log(self, dag_id: str, run_id: str, task: TaskState) -> str:
        """Return what a task's last try said, one event a line."""
        path = (
            f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task.task_id}/logs/{task.try_number}"
        )
        parameters = {"map_index": task.map_index, "full_content": True}
        answer = self.request("GET", path, params=parameters)
        return "\n".join(_line(event) for event in answer["content"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        timeout: float = 600.0,
        progress: Callable[[str, list[TaskState]], None] | None = None,
    ) -> list[TaskState]:
        """Wait until a run has succeeded, and return its tasks.

        Parameters
        ----------
        progress : callable, optional
            Told the run's state and its tasks, about twice a second.

        Raises
        ------
        StackError
            When it failed, with the logs of the failed tasks, or is not over in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            state = str(self.run(dag_id, run_id)["state"])
            if state in OVER or progress is not None:
                tasks = self.tasks(dag_id, run_id)
                if progress is not None:
                    progress(state, tasks)
            if state == "success":
                return tasks
            if state == "failed":
                raise StackError(f"{dag_id} {run_id} failed.\n{self.failures(dag_id, run_id)}")
            if time.monotonic() > deadline:
                raise StackError(f"{dag_id} {run_id} is {state} after {timeout:.0f} s; {self.url}")
            time.sleep(0.4)

    def failures(self, dag_id: str, run_id: str, lines: int = 40) -> str:
        """Return the ends of the logs of a run's failed tasks."""
        failed = [task for task in self.tasks(dag_id, run_id) if task.state == "failed"]
        texts = []
        for task in failed:
            end = self.task_log(dag_id, run_id, task).splitlines()[-lines:]
            texts.append(f"--- {task.label}, try {task.try_number}\n" + "\n".join(end))
        return "\n".join(texts) or "no task failed; see the scheduler's log (`make logs`)"


def _repeated(attempts: int) -> Retrying:
    return Retrying(
        stop=stop_after_attempt(attempts),
        retry=retry_if_exception_type(httpx.TransportError),
        reraise=True,
    )


def _line(event: object) -> str:
    if not isinstance(event, dict):
        return str(event)
    text = " ".join(str(event[key]) for key in ("timestamp", "level", "event") if event.get(key))
    details = event.get("error_detail") or []
    return text + "".join(
        f"\n  {item.get('exc_type')}: {item.get('exc_value')}" for item in details
    )
