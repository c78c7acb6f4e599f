"""A part's leash: nothing of a part outlives it, and nothing else is touched."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stack import leash
from stack.supervision import leash_command

SECONDS = 20.0
# A leader with a child in its session and one that has left it for a session of its own.
FAMILY = """
import os, signal, sys, time
children = []
for escapes in (False, True):
    pid = os.fork()
    if pid == 0:
        if escapes:
            os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(60)
    children.append(pid)
with open(sys.argv[1] + ".draft", "w") as file:
    file.write(" ".join(map(str, [os.getpid(), *children])))
os.rename(sys.argv[1] + ".draft", sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN if len(sys.argv) > 2 else lambda *_: os._exit(7))
while True:
    time.sleep(60)
"""


def eventually(condition: Callable[[], Any]) -> Any:
    """Return the condition's first true value."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def lives(pid: int) -> bool:
    return leash.start_time(pid) is not None


class Family:
    """A leash with the family above on it."""

    def __init__(self, folder: Path, *options: str, **spec: object) -> None:
        self.folder = folder
        self.pids_file = folder / f"pids-{time.monotonic_ns()}"
        self.record = folder / "family.record"
        self.spec = folder / "spec.json"
        command = [sys.executable, "-c", FAMILY, str(self.pids_file), *options]
        given = {
            "command": command, "env": {"PATH": os.defpath}, "cwd": "/", "stop_signal": "SIGTERM",
            "grace": 0.5, "record": str(self.record), **spec,
        }  # fmt: skip
        self.spec.write_text(json.dumps(given))
        self.leash = subprocess.Popen(leash_command(self.spec))
        eventually(self.pids_file.exists)
        self.pids = [int(word) for word in self.pids_file.read_text().split()]
        eventually(lambda: (leash.read_record(self.record) or {}).get("leader") == self.pids[0])

    def gone(self) -> bool:
        return not any(lives(pid) for pid in self.pids)


@pytest.fixture
def families(tmp_path: Path) -> Iterator[list[Family]]:
    started: list[Family] = []
    yield started
    for family in started:
        family.leash.kill()
        family.leash.wait()
        record = leash.read_record(family.record)
        assert record is not None
        leash.end(record)


def start(families: list[Family], folder: Path, *options: str, **spec: object) -> Family:
    families.append(Family(folder, *options, **spec))
    return families[-1]


def test_killed_leader_takes_all_its_children_along(tmp_path: Path, families: list[Family]) -> None:
    family = start(families, tmp_path)
    os.kill(family.pids[0], signal.SIGKILL)
    assert family.leash.wait(SECONDS) == 256 - signal.SIGKILL
    assert family.gone(), "the leash reported the end before all were gone"


def test_stop_is_passed_on_and_the_exit_code_back(tmp_path: Path, families: list[Family]) -> None:
    family = start(families, tmp_path)
    family.leash.terminate()
    assert family.leash.wait(SECONDS) == 7
    assert family.gone()


def test_a_leader_that_ignores_the_stop_is_killed_after_its_grace(
    tmp_path: Path, families: list[Family]
) -> None:
    family = start(families, tmp_path, "ignores")
    family.leash.terminate()
    assert family.leash.wait(SECONDS) == 256 - signal.SIGKILL
    assert family.gone()


def test_killed_leash_takes_the_leader_along_and_the_next_one_the_rest(
    tmp_path: Path, families: list[Family]
) -> None:
    first = start(families, tmp_path)
    first.leash.kill()
    eventually(lambda: not lives(first.pids[0]))
    assert any(lives(pid) for pid in first.pids[1:]), "nothing was left for the next leash to end"
    start(families, tmp_path)
    assert first.gone()


def test_dead_supervisor_ends_the_part(tmp_path: Path, families: list[Family]) -> None:
    # The leash's parent is a process of its own here, which then is killed.
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    family = start(families, tmp_path)
    family.leash.terminate()
    family.leash.wait(SECONDS)
    family.pids_file.unlink()
    supervisor = subprocess.Popen([sys.executable, "-c", code, *leash_command(family.spec)])
    eventually(family.pids_file.exists)
    family.pids = [int(word) for word in family.pids_file.read_text().split()]
    assert all(lives(pid) for pid in family.pids)
    supervisor.kill()
    supervisor.wait()
    eventually(family.gone)


def test_owner_ends_the_part(tmp_path: Path, families: list[Family]) -> None:
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    family = start(families, tmp_path, owner=owner.pid)
    assert family.leash.poll() is None
    owner.kill()
    owner.wait()
    family.leash.wait(SECONDS)
    assert family.gone()


def test_a_reused_process_id_is_nobody_of_ours(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    started = leash.start_time(stranger.pid)
    record = {
        "boot": leash.boot_id(), "token": "nobody has it", "leash": os.getpid(), "leash_start": 1,
        "leader": stranger.pid, "leader_start": started,
    }  # fmt: skip
    try:
        assert leash.members(record) == [stranger.pid]
        assert leash.members({**record, "leader_start": -1}) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_records_of_another_boot_name_nobody(tmp_path: Path, families: list[Family]) -> None:
    family = start(families, tmp_path)
    record = leash.read_record(family.record)
    assert record is not None
    assert set(leash.members(record)) == set(family.pids)
    assert leash.members({**record, "boot": "another"}) == []
