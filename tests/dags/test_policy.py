"""What every DAG promises; a bag without DAGs fails."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in (ROOT / "dags").glob("*.py") if "@dag" in path.read_text("utf-8"))
HEAVY = (
    "mlflow",
    "great_expectations",
    "polars",
    "pandas",
    "scipy",
    "matplotlib",
    "deltalake",
    "pyarrow",
    "numpy",
)

# In a process of its own: what pytest has imported already would hide what a DAG imports. Files
# are imported one after the other, and each answers for what is new since the one before.
PARSE = """
import importlib, json, sys
import airflow.sdk
from airflow.sdk.definitions._internal.contextmanager import DagContext

def describe(dag):
    return {
        "dag_id": dag.dag_id,
        "doc": dag.doc_md or "",
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "tasks": [describe_task(one) for one in dag.tasks],
    }

def describe_task(one):
    return {
        "task_id": one.task_id,
        "owner": one.owner,
        "retries": one.retries,
        "mapped": one.is_mapped or one.get_closest_mapped_task_group() is not None,
        "name": getattr(one, "map_index_template", None),
        "deadline": one.execution_timeout is not None,
    }

answer = {}
for name in sys.argv[1:]:
    before, DagContext.autoregistered_dags = set(sys.modules), set()
    DagContext.current_autoregister_module_name = "__main__"
    importlib.import_module(f"dags.{name}")
    answer[name] = {
        "loaded": sorted({module.partition(".")[0] for module in set(sys.modules) - before}),
        "dags": [describe(dag) for dag, _ in DagContext.autoregistered_dags],
    }
print(json.dumps(answer))
"""


@cache
def _bag() -> dict[str, dict[str, Any]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALLOT_")}
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *(path.stem for path in FILES)],
        capture_output=True,
        text=True,
        env={**kept, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _parsed(path: Path) -> dict[str, Any]:
    return _bag()[path.stem]


def _dags() -> list[dict[str, Any]]:
    return [dag for path in FILES for dag in _parsed(path)["dags"]]


def _tasks() -> list[tuple[str, dict[str, Any]]]:
    return [(dag["dag_id"], one) for dag in _dags() for one in dag["tasks"]]


def test_the_bag_is_not_empty() -> None:
    assert len(FILES) >= 3
    assert {dag["dag_id"] for dag in _dags()} >= {"evaluate_policies", "update_allocation"}
    assert len(_tasks()) >= len(FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_is_named_by_its_file(path: Path) -> None:
    assert [dag["dag_id"] for dag in _parsed(path)["dags"]] == [path.stem]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_parsing_imports_nothing_heavy_and_needs_no_setting(path: Path) -> None:
    assert not set(HEAVY).intersection(_parsed(path)["loaded"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_says_what_to_do_when_it_is_red(path: Path) -> None:
    for dag in _parsed(path)["dags"]:
        assert re.search(r"when it is red", dag["doc"], re.IGNORECASE), dag["dag_id"]
        assert "allot" in dag["tags"]
        assert len(dag["tags"]) >= 2, "tags find the DAG: allot, and what it is about"
        assert not dag["catchup"], "a new stack would start a run for every day since 2019"
        # Runs that wait for a person cost no worker, and must not hold up each other.
        assert 1 <= dag["max_active_runs"] <= (100 if "approval" in dag["tags"] else 4)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_task_has_an_owner_and_a_deadline(path: Path) -> None:
    for dag in _parsed(path)["dags"]:
        for one in dag["tasks"]:
            where = f"{dag['dag_id']}.{one['task_id']}"
            assert one["owner"] == "allot", where
            assert one["deadline"], f"{where} has no execution_timeout"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_dag_retries_what_touches_the_outside(path: Path) -> None:
    for dag in _parsed(path)["dags"]:
        never = [one["task_id"] for one in dag["tasks"] if one["retries"] == 0]
        # A report only reads what others returned: repeating it could not change its answer.
        assert set(never) <= {"report"}, f"{dag['dag_id']}: {never}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_mapped_tasks_carry_a_name(path: Path) -> None:
    for dag in _parsed(path)["dags"]:
        for one in dag["tasks"]:
            if one["mapped"]:
                assert one["name"], f"{dag['dag_id']}.{one['task_id']} shows only numbers"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_field_of_a_form_has_a_title(path: Path) -> None:
    for dag in _parsed(path)["dags"]:
        for name, schema in dag["params"].items():
            assert schema.get("title"), f"{dag['dag_id']}: {name} has no title"
            assert schema.get("type"), f"{dag['dag_id']}: {name} has no type"
