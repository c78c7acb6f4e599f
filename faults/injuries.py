"""The injuries: kill -9, SIGSTOP, a full disk, lost replies; each with its end."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Final

import psutil

from faults.ground import Ground, fill, make_room
from include.errors import StackError

HEALTHY_SECONDS: Final = 60.0
PARTS: Final = {
    "worker": "serving",
    "api": "serving",
    "store": "store",
    "postgres": "postgres",
    "s3": "s3",
    "scheduler": "airflow-scheduler",
}


def _hurt(ground: Ground, target: str) -> list[psutil.Process]:
    processes = ground.processes(PARTS[target])
    if target != "worker":
        return processes
    workers = [each for each in processes[1:] if "spawn_main" in " ".join(each.cmdline())]
    if len(workers) < 2:
        raise StackError(f"serving runs {len(workers)} workers; one of several is to be hurt")
    return workers[:1]


def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextmanager
def kill(ground: Ground, target: str) -> Iterator[None]:
    """Kill, and leave what follows to the supervisor."""
    _send(_hurt(ground, target), signal.SIGKILL)
    yield
    wait_healthy(ground, PARTS[target])


@contextmanager
def freeze(ground: Ground, target: str) -> Iterator[None]:
    """Stop the processes for a while; what has ended meanwhile is started by its supervisor."""
    processes = _hurt(ground, target)
    _send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(processes, signal.SIGCONT)
    wait_healthy(ground, PARTS[target])


@contextmanager
def full_disk(ground: Ground, target: str) -> Iterator[None]:
    """Leave no room on the part's disk for a while.

    The API needs its disk while the database is away, so that goes with it.
    """
    disk = ground.disk(PARTS[target])
    away = ground.processes("postgres") if target == "api" else []
    fill(disk)
    _send(away, signal.SIGSTOP)
    try:
        yield
    finally:
        make_room(disk)
        _send(away, signal.SIGCONT)
    wait_healthy(ground, PARTS[target])


@contextmanager
def lost_replies(ground: Ground, target: str) -> Iterator[None]:
    """Lose replies of the part for a while."""
    losing, proxy = ground.losing[target], ground.proxies[target]
    before = proxy.losses
    losing.on = True
    try:
        yield
    finally:
        losing.on = False
    if proxy.losses == before:
        raise StackError(f"no reply of {target} was lost, so nothing was tried; raise the load")


def wait_healthy(ground: Ground, part: str) -> None:
    """Wait until a part is well again by itself.

    Raises
    ------
    StackError
        If it is not in time.
    """
    deadline = time.monotonic() + HEALTHY_SECONDS
    while (wrong := ground.stack.parts[part].health()) is not None:
        if time.monotonic() > deadline:
            raise StackError(f"{part} is not well {HEALTHY_SECONDS:.0f} s after the fault: {wrong}")
        time.sleep(0.1)


INJURIES: Final[dict[str, Callable[[Ground, str], AbstractContextManager[None]]]] = {
    "kill": kill,
    "freeze": freeze,
    "full disk": full_disk,
    "lost replies": lost_replies,
}
