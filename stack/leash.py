"""Run one part on a leash: whatever happens, its whole process group ends with it.

A killed scheduler leaves workers that hold its database locks; a killed
supervisor leaves its parts running. The leash stands between supervisor and
part. It leads its own process group (the supervisor's), starts the part in
a session of its own and

- is told by the kernel when the supervisor dies (PR_SET_PDEATHSIG), then stops the part;
- dies together with its part: SIGKILL of the leash kills the part's leader;
- adopts what the part leaves behind (PR_SET_CHILD_SUBREAPER) and kills it before
  it reports the end, so that a restart never meets an earlier life;
- ends at its start what an earlier leash recorded and could not end.

It is run as a plain file (``python -I leash.py SPEC``) and imports the standard
library alone, so that it starts in a few milliseconds. SPEC is a JSON file:
``command``, ``env``, ``cwd``, ``stop_signal``, ``grace`` (seconds between the stop
signal and SIGKILL), ``record`` (where the ids are written), and optionally
``owner`` (a process id with whose end the part ends, too).
"""

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TOKEN = "ALLOT_LEASH"  # noqa: S105 - the name of a variable
_libc = ctypes.CDLL(None, use_errno=True)


def _stat(pid: int) -> list[str] | None:
    """Split /proc/PID/stat after the command's name: state, ppid, pgrp, session and so on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which a process started; None when it is gone or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def boot_id() -> str:
    """Name this boot; process ids of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _carries(pid: int, token: str) -> bool:
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return f"{TOKEN}={token}".encode() in environ.split(b"\0")


def members(record: dict[str, Any]) -> list[int]:
    """Process ids that still belong to a recorded leash: by ids and start times, never by name."""
    if record.get("boot") != boot_id():
        return []
    leader, token = record["leader"], record["token"]
    reused = start_time(leader) not in {None, record["leader_start"]}
    alive = []
    for pid in _pids():
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            continue
        in_session = not reused and int(fields[3]) == leader
        if in_session or _carries(pid, token):
            alive.append(pid)
    return alive


def end(record: dict[str, Any]) -> list[int]:
    """Kill what is left of a recorded leash, and wait until nothing is."""
    ended: list[int] = []
    while left := members(record):
        for pid in left:
            _kill(pid, signal.SIGKILL)
        ended += [pid for pid in left if pid not in ended]
        time.sleep(0.02)
    return ended


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the ids that a leash wrote; None when there is no usable record."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) and "leader" in record else None


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _descendants() -> list[int]:
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid)) is not None}
    found, grew = {os.getpid()}, True
    while grew:
        grew = False
        for pid, parent in parents.items():
            if parent in found and pid not in found:
                found.add(pid)
                grew = True
    return sorted(found - {os.getpid()})


def _end_descendants() -> None:
    """Kill and reap everything below; the subreaper inherits what escaped into other sessions."""
    while True:
        for pid in _descendants():
            _kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _start(spec: dict[str, Any], token: str) -> int:
    """Fork the part's leader into its own session; it dies with the leash."""
    leash = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        if os.getppid() != leash:
            os._exit(1)
        os.chdir(spec["cwd"])
        os.execvpe(spec["command"][0], spec["command"], {**spec["env"], TOKEN: token})  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"cannot start {spec['command'][0]}: {error}\n")
    os._exit(127)


def _write_record(path: Path, record: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(record))
    draft.rename(path)


def _follow(leader: int, spec: dict[str, Any]) -> int:
    """Wait for the leader's end; turn a stop, or the owner's end, into the part's stop signal."""
    owner = spec.get("owner")
    owner_start = start_time(owner) if owner else None
    deadline: float | None = None
    waited = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == leader:
            return status
        if pid:
            continue
        received = signal.sigtimedwait(waited, 0.2 if owner or deadline else 3600)
        asked = received is not None and received.si_signo != signal.SIGCHLD
        orphaned = owner is not None and start_time(owner) != owner_start
        if deadline is None and (asked or orphaned):
            _kill(leader, signal.Signals[spec["stop_signal"]])
            deadline = time.monotonic() + spec["grace"]
        if deadline is not None and time.monotonic() > deadline:
            _kill(leader, signal.SIGKILL)


def main(path: str) -> int:
    """Run the part that SPEC describes until it ends; return its exit code."""
    supervisor = os.getppid()
    spec = json.loads(Path(path).read_text())
    record_path = Path(spec["record"])
    blocked = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if not spec.get("detached"):
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != supervisor:
            return 1
    if (earlier := read_record(record_path)) is not None:
        end(earlier)
    token = f"{boot_id()}-{os.getpid()}-{start_time(os.getpid())}"
    leader = _start(spec, token)
    _write_record(
        record_path,
        {
            "boot": boot_id(), "token": token,
            "leash": os.getpid(), "leash_start": start_time(os.getpid()),
            "leader": leader, "leader_start": start_time(leader),
            "started": time.time(),
        },
    )  # fmt: skip
    status = _follow(leader, spec)
    _end_descendants()
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
