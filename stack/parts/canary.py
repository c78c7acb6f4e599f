"""Whether Airflow's tasks run: its own word is a heartbeat, which a stuck scheduler sends, too."""

from datetime import UTC, datetime, timedelta

from include.errors import StackError
from stack.airflow_client import AirflowClient
from stack.parts.http import SECONDS

DAG = "canary"
LATELY = timedelta(minutes=3)
"""It is due every minute; a machine under load may be late with one or two."""


def problem(client: AirflowClient, alive_since: datetime, now: datetime) -> str | None:
    """Say what is wrong when no task has come to its end lately.

    Parameters
    ----------
    client
        Session with Airflow.
    alive_since
        When the scheduler was started; before it has lived long enough nothing is expected.
    now
        The present.
    """
    if now - alive_since < LATELY:
        return None
    try:
        if client.request("GET", f"/dags/{DAG}")["is_paused"]:
            return None
        runs = client.runs(DAG, state="success", order_by="-end_date", limit=1)
    except StackError as error:
        return f"cannot tell whether tasks run: {error}"
    if not runs:
        return "no task of the DAG canary has ever come to its end"
    ended = datetime.fromisoformat(runs[0]["end_date"])
    if now - ended <= LATELY:
        return None
    return f"no task has come to its end since {ended:%H:%M:%S} UTC; see the DAG canary"


def tasks_run(url: str, user: str, password: str, alive_since: datetime) -> str | None:
    """Ask the Airflow at a URL; see `problem`."""
    with AirflowClient(url, user, password, timeout=SECONDS) as client:
        return problem(client, alive_since, datetime.now(UTC))
