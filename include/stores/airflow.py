"""Airflow by its REST API, for what a task may not do in its database: delete old runs."""

from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import httpx

from include.errors import OrchestratorError
from include.settings import Settings

OVER: Final = ("success", "failed")
PAGE: Final = 100


class AirflowRuns:
    """A session that lists and deletes runs.

    Parameters
    ----------
    settings
        Where Airflow is, and who may delete.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = settings.airflow_api_url or settings.airflow_url
        self._login = {
            "username": settings.airflow_user,
            "password": settings.airflow_password.get_secret_value(),
        }
        # On loopback or within one network: a proxy of the shell must not see the password.
        self._http = httpx.Client(base_url=self._url, timeout=60.0, trust_env=False)

    def __enter__(self) -> Self:
        answer = self._send("POST", "/auth/token", json=self._login)
        self._http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def dags(self) -> list[str]:
        """Return the ids of all DAGs."""
        found = self._send("GET", "/api/v2/dags", params={"limit": 1000})["dags"]
        return sorted(dag["dag_id"] for dag in found)

    def ended(self, dag_id: str, before: datetime) -> tuple[int, list[str]]:
        """Return how many runs of a DAG ended before a moment, and the ids of the oldest."""
        asked = {
            "end_date_lte": before.isoformat(),
            "state": list(OVER),
            "order_by": "id",
            "limit": PAGE,
        }
        found = self._send("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=asked)
        return found["total_entries"], [run["dag_run_id"] for run in found["dag_runs"]]

    def delete_ended(self, dag_id: str, before: datetime) -> int:
        """Delete the runs of a DAG that ended before a moment, with their task instances."""
        return sum(self._pages(dag_id, before))

    def _pages(self, dag_id: str, before: datetime) -> Iterator[int]:
        while names := self.ended(dag_id, before)[1]:
            action = {
                "action": "delete",
                "entities": names,
                "action_on_non_existence": "skip",
            }
            told = self._send("PATCH", f"/api/v2/dags/{dag_id}/dagRuns", json={"actions": [action]})
            done = (told.get("delete") or {}).get("success") or []
            if not done:
                raise OrchestratorError(f"Airflow deletes no run of {dag_id}: {told}")
            yield len(done)

    def _send(self, method: str, path: str, **given: Any) -> Any:  # noqa: ANN401
        try:
            answer = self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise OrchestratorError(f"Airflow at {self._url} does not answer: {error}") from error
        if answer.is_error:
            told = f"{answer.status_code} {answer.text[:500]}"
            raise OrchestratorError(f"Airflow refuses {method} {path}: {told}")
        return answer.json() if answer.content else {}
