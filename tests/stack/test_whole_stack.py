"""The whole stack, as `make up` starts it; few tests, since it takes its time."""

import json
import os
import signal
from pathlib import Path

import pytest

from stack import leash
from stack.platform import Stack
from stack.status import status
from tests.stack.conftest import command_line, eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


def test_status_as_json_says_that_everything_is_well(stack: Stack) -> None:
    done = command_line(stack.config, "status", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {name: row["health"] for name, row in rows.items()} == dict.fromkeys(
        stack.parts, "healthy"
    )
    assert done.returncode == 0
    for row in rows.values():
        assert os.getpgid(row["pid"]) == row["process_group"]
        assert Path(row["log"]).exists()
    assert {"name", "pid", "process_group", "port", "health", "log"} <= set(rows["serving"])


def test_up_again_does_nothing(stack: Stack) -> None:
    done = command_line(stack.config, "up")
    assert "already up" in done.stdout, done.stderr


def test_every_dag_file_can_be_read(stack: Stack) -> None:
    with stack.airflow() as airflow:
        assert airflow.import_errors() == {}


def test_a_killed_scheduler_leaves_nobody_behind_and_schedules_again(stack: Stack) -> None:
    name = "airflow-scheduler"
    record = stack.supervisor.record(name)
    assert record is not None
    workers = [pid for pid in leash.members(record) if pid != record["leader"]]
    assert workers, "LocalExecutor has no workers, so nothing could be left behind"
    os.kill(record["leader"], signal.SIGKILL)
    eventually(lambda: stack.supervisor.record(name) != record)
    assert leash.members(record) == []
    eventually(lambda: all(row.healthy for row in status(stack)), seconds=120)


def test_a_command_runs_in_the_stack_s_environment(stack: Stack) -> None:
    done = command_line(stack.config, "run", "--", "printenv", "ALLOT_DATABASE_URL")
    assert done.stdout.strip() == stack.environment["ALLOT_DATABASE_URL"]
    shown = command_line(stack.config, "env").stdout
    assert shown == stack.config.env_file.read_text()
