"""The stack as one object: start, stop and ask a chosen subset of its parts."""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

from include.errors import AllotError, StackError
from include.settings import Settings
from stack import ports
from stack.airflow_client import AirflowClient
from stack.assembly import assemble
from stack.config import StackConfig
from stack.environment import base_environment, write_lines
from stack.init import allot_settings
from stack.part import Part, Step
from stack.secrets import load_secrets, private_folder, write_private
from stack.supervision import Supervisor

Progress = Callable[[str, str], None]
"""Called with a part's or step's name and its news: waiting, starting, healthy, done, failed."""

ALIVE = {"RUNNING", "STARTING"}
RESTART_SECONDS = 1.5
IDLE = {"STOPPED", "EXITED", "FATAL", "UNKNOWN"}


def _silent(name: str, news: str) -> None:
    """Report nothing."""


class Stack:
    """All parts in one state folder.

    Parameters
    ----------
    config : StackConfig
        Folders, ports, worker counts.
    overrides : mapping, optional
        Environment whose ``ALLOT_*`` settings win over those that the stack makes.
    """

    def __init__(self, config: StackConfig, overrides: Mapping[str, str] | None = None) -> None:
        self.config = config
        for folder in (config.state_dir, config.run_dir, config.folder("log")):
            _make_folder(folder)
        self.secrets = load_secrets(config.secrets_file)
        self.environment, parts, steps = assemble(config, self.secrets, overrides or {})
        self.parts = {part.name: part for part in parts}
        self.steps = {step.name: step for step in steps}
        self.supervisor = Supervisor(config)

    @property
    def settings(self) -> Settings:
        """Allot's settings for this stack."""
        return allot_settings(self.environment)

    def airflow(self) -> AirflowClient:
        """Open a session with this stack's Airflow."""
        return AirflowClient.from_environment(self.environment)

    def up(
        self,
        names: Collection[str] | None = None,
        steps: Collection[str] | None = None,
        *,
        owner: int | None = None,
        progress: Progress = _silent,
    ) -> bool:
        """Start the named parts (default: all) with what they need; wait until all are healthy.

        Parameters
        ----------
        names, steps : collections of str, optional
            Parts to start; steps to run in addition to those that the parts need.
        owner : int, optional
            Process id with whose end the whole stack ends.
        progress : callable
            Told the news of every part.

        Returns
        -------
        bool
            Whether anything had to be started.

        Raises
        ------
        StackError
            Saying what stands in the way and where the log is.
        """
        nodes = self._closure(
            self.parts if names is None else names, self.steps if steps is None else steps
        )
        with self._lock():
            if self._runs_already(nodes):
                return False
            write_private(self.config.env_file, write_lines(self.environment))
            if not self.supervisor.alive():
                self._check_disk()
                self.supervisor.end_leftovers()
                self.supervisor.launch(self.parts.values(), owner)
            self._run(nodes, progress)
            return True

    def _runs_already(self, nodes: list[Part | Step]) -> bool:
        """Whether all parts among the nodes run and are healthy."""
        if not self.supervisor.alive():
            return False
        states = self.supervisor.states()
        parts = [node for node in nodes if isinstance(node, Part)]
        if any(states[part.name]["statename"] not in ALIVE for part in parts):
            return False
        with ThreadPoolExecutor(max_workers=len(parts)) as pool:
            return all(wrong is None for wrong in pool.map(lambda part: part.health(), parts))

    def down(self, keep: Collection[str] = ()) -> None:
        """Stop all parts, those that need others first, and supervisord; leave no process.

        Parameters
        ----------
        keep : collection of str, optional
            Parts to leave running, and supervisord with them.
        """
        with self._lock():
            if self.supervisor.alive():
                for wave in self._waves():
                    _in_parallel(self.supervisor.stop, [name for name in wave if name not in keep])
                if keep:
                    return
                self.supervisor.shutdown()
            self.supervisor.end_leftovers()

    def restart(self, name: str, progress: Progress = _silent) -> None:
        """Stop one part and start it again."""
        with self._lock():
            if not self.supervisor.alive():
                raise StackError("the stack is not running; start it with `make up`")
            self.supervisor.stop(name)
            self._run([self.parts[name]], progress)

    def _closure(self, names: Collection[str], steps: Collection[str]) -> list[Part | Step]:
        """Parts and steps with all that they need, needs first."""
        ordered: dict[str, Part | Step] = {}

        def add(name: str) -> None:
            if name in ordered:
                return
            node = self.parts.get(name) or self.steps.get(name)
            if node is None:
                raise StackError(f"no part is called {name!r}; there are {', '.join(self.parts)}")
            for need in node.needs:
                add(need)
            ordered[name] = node

        for name in (*names, *steps):
            add(name)
        return list(ordered.values())

    def _run(self, nodes: list[Part | Step], progress: Progress) -> None:
        """Run every node as soon as its needs are there."""
        running: dict[str, Future[bool]] = {}
        stopped = threading.Event()
        failures: list[tuple[str, BaseException]] = []

        def work(node: Part | Step) -> bool:
            if stopped.is_set() or any(
                not running[need].result() for need in node.needs if need in running
            ):
                return False
            try:
                if isinstance(node, Step):
                    progress(node.name, "running")
                    node.run()
                    progress(node.name, "done")
                else:
                    self._start(node, progress, stopped)
            except BaseException as failure:  # noqa: BLE001 - raised below, the first one first
                failures.append((node.name, failure))
                stopped.set()
                progress(node.name, "failed")
                return False
            return True

        self._check_ports(nodes)
        with ThreadPoolExecutor(max_workers=len(nodes)) as pool:
            for node in nodes:
                running[node.name] = pool.submit(work, node)
        if failures:
            _raise(*failures[0])

    def _check_ports(self, nodes: list[Part | Step]) -> None:
        """Refuse before anything is started, not in the middle."""
        states = self.supervisor.states()
        for node in nodes:
            if isinstance(node, Part) and states[node.name]["statename"] in IDLE:
                ports.check_free(node)

    def _start(self, part: Part, progress: Progress, stopped: threading.Event) -> None:
        state = self.supervisor.states()[part.name]["statename"]
        if state in IDLE:
            progress(part.name, "starting")
            if part.prepare is not None:
                part.prepare()
            self.supervisor.write_spec(part, {**base_environment(), **self.environment})
            self.supervisor.start(part.name)
        self._wait_healthy(part, stopped)
        progress(part.name, "healthy")

    def _wait_healthy(self, part: Part, stopped: threading.Event) -> None:
        log = self.config.folder("log") / f"{part.name}.log"
        deadline = time.monotonic() + self.config.start_timeout
        last_well = time.monotonic()
        while (wrong := part.health()) is not None:
            state = self.supervisor.states()[part.name]["statename"]
            if state not in {"BACKOFF", "FATAL", "EXITED"}:
                last_well = time.monotonic()
            # A part that was killed is restarted within a second; one that ends by itself is not up
            # again for longer and longer.
            if state == "FATAL" or time.monotonic() - last_well > RESTART_SECONDS:
                self.supervisor.stop(part.name)
                raise StackError(
                    f"{part.name} ended while it was starting; {log} ends with:\n{tail(log)}"
                )
            if time.monotonic() > deadline:
                raise StackError(
                    f"{part.name} is not healthy after {self.config.start_timeout:.0f} s: {wrong}; "
                    f"{log} ends with:\n{tail(log)}"
                )
            if stopped.wait(0.1):
                raise StackError(f"{part.name} was not waited for, as another part failed")

    def _waves(self) -> list[list[str]]:
        """Parts in the order of stopping: whoever is needed comes after those who need it."""
        left, waves = dict(self.parts), []
        while left:
            needed = {need for part in left.values() for need in self._needs(part.name)}
            wave = [name for name in left if name not in needed]
            waves.append(wave)
            left = {name: part for name, part in left.items() if name not in wave}
        return waves

    def _needs(self, name: str) -> set[str]:
        """Every part that a part or step needs, directly or through others."""
        node = self.parts.get(name) or self.steps[name]
        direct = {*node.needs, *getattr(node, "stops_before", ())}
        return direct | {need for name in direct for need in self._needs(name)}

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.config.state_dir).free // 2**20
        if free < self.config.min_free_mb:
            raise StackError(
                f"{self.config.state_dir} has {free} MB left, the stack wants "
                f"{self.config.min_free_mb}; make room, or put the state elsewhere with "
                "ALLOT_STATE_DIR, or lower ALLOT_MIN_FREE_MB"
            )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one `up` or `down` at a time work on a state folder."""
        with (self.config.run_dir / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _raise(name: str, failure: BaseException) -> NoReturn:
    """Raise what stopped the start, as a message for people where it can be one."""
    if isinstance(failure, AllotError) or not isinstance(failure, Exception):
        raise failure
    raise StackError(f"{name} failed: {type(failure).__name__}: {failure}") from failure


def _in_parallel(function: Callable[[str], None], names: list[str]) -> None:
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        list(pool.map(function, names))


def _make_folder(folder: os.PathLike[str]) -> None:
    from pathlib import Path  # noqa: PLC0415

    try:
        private_folder(Path(folder))
    except OSError as error:
        raise StackError(
            f"cannot use {folder}: {error.strerror}; set ALLOT_STATE_DIR to a folder of yours"
        ) from error


def tail(path: os.PathLike[str], lines: int = 15) -> str:
    """Last lines of a log."""
    try:
        with open(path, errors="replace") as file:  # noqa: PTH123
            return "".join(file.readlines()[-lines:])
    except FileNotFoundError:
        return "(no log yet)"
