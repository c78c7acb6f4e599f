"""supervisord: its configuration, its start, and its XML-RPC over a private unix socket."""

import http.client
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from include.errors import StackError
from stack import leash
from stack.config import ROOT, StackConfig
from stack.environment import base_environment
from stack.part import Part
from stack.parts.programs import program
from stack.secrets import write_private
from stack.sockets import socket_folder

START_SECONDS = 10.0
WAIT = False
"""Whether XML-RPC calls wait: a slow part must not block the calls of other threads."""
LEASH = Path(leash.__file__)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, _host: object) -> http.client.HTTPConnection:
        return _Connection(str(self._path))


class Supervisor:
    """One supervisord, its state under one folder."""

    def __init__(self, config: StackConfig) -> None:
        self.config = config
        self.socket = socket_folder(config.run_dir) / "supervisor.sock"
        self.conf = config.run_dir / "supervisord.conf"

    @property
    def _rpc(self) -> Any:  # noqa: ANN401
        # A proxy keeps one connection, so every call (calls come from several threads) has its own.
        return xmlrpc.client.ServerProxy(
            "http://localhost", transport=_Transport(self.socket)
        ).supervisor

    def alive(self) -> bool:
        """Whether supervisord answers."""
        try:
            return bool(self._rpc.getState()["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException):
            return False

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what supervisord knows of each part: statename, pid, logfile, start."""
        return {info["name"]: info for info in self._rpc.getAllProcessInfo()}

    def start(self, name: str) -> None:
        """Start one part and return at once; its health says when it is there."""
        try:
            self._rpc.startProcess(name, WAIT)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise StackError(f"{name} cannot be started: {fault.faultString}") from fault

    def stop(self, name: str) -> None:
        """Stop one part and wait for its end."""
        try:
            self._rpc.stopProcess(name, WAIT)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise StackError(f"{name} cannot be stopped: {fault.faultString}") from fault
        while self.states()[name]["statename"] not in {"STOPPED", "EXITED", "FATAL"}:
            time.sleep(0.05)

    def record(self, name: str) -> dict[str, Any] | None:
        """Read the ids that the leash of a part (or of supervisord itself) wrote."""
        return leash.read_record(self.config.run_dir / f"{name}.record")

    def write_spec(self, part: Part, environment: dict[str, str]) -> None:
        """Write what the leash runs; read anew at every start of the part."""
        spec = {
            "command": list(part.command), "env": {**environment, **part.env}, "cwd": str(part.cwd),
            "stop_signal": part.stop_signal, "grace": part.grace,
            "record": str(self.config.run_dir / f"{part.name}.record"),
        }  # fmt: skip
        write_private(self.config.run_dir / f"{part.name}.leash.json", json.dumps(spec, indent=1))

    def launch(self, parts: Iterable[Part], owner: int | None = None) -> None:
        """Start supervisord itself, on a leash of its own; with `owner`'s end it ends, too."""
        self.conf.write_text(_configuration(self, list(parts)))
        spec = {
            "command": [program("supervisord"), "-n", "-c", str(self.conf)],
            "env": base_environment(), "cwd": str(ROOT), "stop_signal": "SIGTERM",
            "grace": 60.0, "record": str(self.config.run_dir / "supervisord.record"),
            "detached": True, "owner": owner,
        }  # fmt: skip
        path = self.config.run_dir / "supervisord.leash.json"
        write_private(path, json.dumps(spec, indent=1))
        log = self.config.folder("log") / "supervisord.out"
        with log.open("ab") as out:
            process = subprocess.Popen(
                leash_command(path), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while not self.alive():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StackError(
                    f"supervisord does not start; see {log} and supervisord.log beside it"
                )
            time.sleep(0.03)

    def shutdown(self) -> None:
        """End supervisord and wait until its leash is gone."""
        record = self.record("supervisord")
        self._rpc.shutdown()
        while record is not None and leash.start_time(record["leash"]) == record["leash_start"]:
            time.sleep(0.03)

    def end_leftovers(self) -> list[int]:
        """Kill what an earlier supervisord left, by recorded ids and start times."""
        ended = []
        for path in sorted(self.config.run_dir.glob("*.record")):
            record = leash.read_record(path)
            if record is not None:
                ended += leash.end(record)
                ended += _end_leash(record)
                # Its part may have been started once more before the leash itself was gone.
                ended += leash.end(record)
        return ended


def _end_leash(record: dict[str, Any]) -> list[int]:
    if (
        record["boot"] != leash.boot_id()
        or leash.start_time(record["leash"]) != record["leash_start"]
    ):
        return []
    try:
        os.kill(record["leash"], 9)
    except ProcessLookupError:
        return []
    while leash.start_time(record["leash"]) == record["leash_start"]:
        time.sleep(0.02)
    return [record["leash"]]


def leash_command(spec: Path) -> list[str]:
    """Command that runs a leash without importing anything of the project."""
    return [sys.executable, "-I", "-S", str(LEASH), str(spec)]


def _configuration(supervisor: Supervisor, parts: list[Part]) -> str:
    config, logs = supervisor.config, supervisor.config.folder("log")

    def text(value: object) -> str:
        return str(value).replace("%", "%%")

    head = (
        f"[unix_http_server]\nfile={text(supervisor.socket)}\nchmod=0700\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={text(logs / 'supervisord.log')}\n"
        f"pidfile={text(config.run_dir / 'supervisord.pid')}\nchildlogdir={text(logs)}\n"
        "logfile_maxbytes=5MB\nlogfile_backups=1\n"
    )
    sections = [head + ("user=root\n" if os.geteuid() == 0 else "")]
    for part in parts:
        command = shlex.join(leash_command(config.run_dir / f"{part.name}.leash.json"))
        sections.append(
            f"[program:{part.name}]\ncommand={text(command)}\nautostart=false\nautorestart=true\n"
            f"startsecs=2\nstartretries=30\nstopsignal=TERM\nstopwaitsecs={int(part.grace) + 10}\n"
            "stopasgroup=true\nkillasgroup=true\nredirect_stderr=true\n"
            f"stdout_logfile={text(logs / f'{part.name}.log')}\n"
            "stdout_logfile_maxbytes=20MB\nstdout_logfile_backups=2\n"
        )
    return "\n".join(sections)
