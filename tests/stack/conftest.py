"""Stacks of a test's own, for tests that break them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack import leash
from stack.assembly import SERVICE_STEPS, SERVICES
from stack.config import StackConfig
from stack.platform import Stack
from stack.temporary import temporary_config

SECONDS = 60.0


def eventually(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Return the condition's first true value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


def processes_of(stack: Stack) -> list[psutil.Process]:
    """Every process that belongs to a stack: by its folder on the command line, or its records."""
    folder = str(stack.config.state_dir)
    pids = {
        pid
        for path in stack.config.run_dir.glob("*.record")
        if (record := leash.read_record(path)) is not None
        for pid in [*leash.members(record), record["leash"]]
        if leash.start_time(pid) is not None
        and (pid != record["leash"] or leash.start_time(pid) == record["leash_start"])
    }
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if folder in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            pids.add(process.pid)
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; one that has ended but was not waited for does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def own_config(tmp_path: Path) -> StackConfig:
    return temporary_config(tmp_path / "state", airflow_workers=2)


@pytest.fixture
def own_services(own_config: StackConfig) -> Iterator[Stack]:
    """PostgreSQL, Valkey and S3 that this test may kill."""

    stack = Stack(own_config)
    stack.up(SERVICES, SERVICE_STEPS, owner=os.getpid())
    yield stack
    stack.supervisor.end_leftovers()  # quicker than a clean stop, which has tests of its own


def command_line(config: StackConfig, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m stack`` as a person would, against the stack of this configuration."""

    given = json.loads(config.model_dump_json())
    environment = {
        f"ALLOT_{name.upper()}": str(value) for name, value in given.items() if value is not None
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ALLOT_")}
    return subprocess.run(
        [sys.executable, "-m", "stack", *arguments],
        env={**clean, **environment, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
