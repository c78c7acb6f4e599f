"""Run in a process of its own by the test: DAGs on a metadata database of their own."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from airflow.models.backfill import _get_info_list
from airflow.serialization.serialized_objects import DagSerialization

from dags.ingest_decision_log import ingest_decision_log
from dags.update_allocation import update_allocation


def backfilled_days(dag: Any) -> list[list[str]]:
    """Data intervals of the runs that a backfill of the sample's week makes."""
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert stored.timetable.periodic
    infos = _get_info_list(
        from_date=datetime(2019, 11, 24, tzinfo=UTC),
        to_date=datetime(2019, 11, 30, tzinfo=UTC),
        reverse=False,
        dag=stored,
    )
    return [
        [info.data_interval.start.isoformat(), info.data_interval.end.isoformat()]
        for info in infos
        if info.data_interval is not None
    ]


def run(dag: Any, **conf: Any) -> dict[str, str]:
    """Run a DAG once; state of every task instance, mapped ones by their experiment."""
    for task in dag.tasks:
        task.retries = 0
    done = dag.test(run_conf=conf, logical_date=datetime.now(UTC))
    states = {
        f"{task.task_id} {task.rendered_map_index or ''}".strip(): str(task.state)
        for task in done.get_task_instances()
    }
    return {"run": str(done.state), **states}


if __name__ == "__main__":
    update = update_allocation()
    told = {
        "backfill": backfilled_days(update),
        "runs": [run(update, until=day) for day in ("2019-11-25", None, None)],
        "ingest": run(ingest_decision_log()),
    }
    sys.stdout.write("\nRESULT" + json.dumps(told))
