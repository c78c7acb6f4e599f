"""Run in a process of its own by the test: the DAG on a metadata database of its own."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

from airflow.models.backfill import _get_info_list
from airflow.serialization.serialized_objects import DagSerialization

from dags import update_allocation as module


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


def run(dag: Any, until: str | None) -> dict[str, str]:
    """Run the DAG once; state of every task instance, mapped ones by their experiment."""
    done = dag.test(run_conf={"until": until}, logical_date=datetime.now(UTC))
    states = {
        f"{task.task_id} {task.rendered_map_index or ''}".strip(): str(task.state)
        for task in done.get_task_instances()
    }
    return {"run": str(done.state), **states}


if __name__ == "__main__":
    dag = module.update_allocation()
    for task in dag.tasks:
        task.retries = 0
    runs = [run(dag, day) for day in ("2019-11-25", None, None)]
    sys.stdout.write("\nRESULT" + json.dumps({"backfill": backfilled_days(dag), "runs": runs}))
