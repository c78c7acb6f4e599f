"""A command's seconds, and the most memory that its processes had at once."""

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

# Looking walks all processes of the machine, which costs.
_SAMPLE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took, and said.

    Attributes
    ----------
    seconds, processor_seconds
        By the clock, and of its processes.
    peak
        Bytes resident in the process and its descendants, at most at one moment.
    said
        Standard output.
    """

    seconds: float
    processor_seconds: float
    peak: float
    said: str


def measure(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end; its start and imports count, as in a task.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    tree = _Tree(process.pid)
    said, _ = process.communicate()
    seconds = time.perf_counter() - begin
    tree.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Measured(seconds, tree.processor_seconds, tree.peak, said)


def own_peak() -> float:
    """Return the most bytes that this process had resident since it started its program.

    `getrusage` tells more where the process that started it was larger: Linux hands that down.
    """
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) * 1024.0


class _Tree(threading.Thread):
    """Looks at a process and its descendants, again and again."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self.peak, self.processor_seconds = 0.0, 0.0
        self.start()

    def run(self) -> None:
        """Sample until told to stop or until there is nothing left."""
        while not self._ended.wait(_SAMPLE_SECONDS):
            try:
                tree = [self._root, *self._root.children(recursive=True)]
                resident = sum(one.memory_info().rss for one in tree)
                spent = sum(sum(one.cpu_times()[:4]) for one in tree)
            except psutil.NoSuchProcess:
                continue
            self.peak = max(self.peak, float(resident))
            self.processor_seconds = max(self.processor_seconds, spent)

    def stop(self) -> None:
        """End the sampling."""
        self._ended.set()
        self.join()
