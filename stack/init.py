"""What must be there before the parts start: roles, databases, buckets, schemas.

The embedded stack calls these functions; docker-compose runs ``python -m stack.init``.
Both read the same environment, every step is safe to repeat, and a finished
schema is recognised by a note in its own database, so that a second start is quick.
"""

import argparse
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from minio import Minio
from minio.error import S3Error
from psycopg import sql

from include.errors import StackError
from include.settings import Settings
from stack.secrets import write_private

# Which role owns which database is said by the very addresses that the parts are given.
OWNERS = ("ALLOT_DATABASE_URL", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "MLFLOW_BACKEND_STORE_URI")
READER = "ALLOT_READER_DATABASE_URL"
ADMIN = "ALLOT_ADMIN_DATABASE_URL"
MLFLOW_BUCKET = "MLFLOW_ARTIFACTS_DESTINATION"
_log = logging.getLogger(__name__)


def _credentials(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or ""), parts.path.lstrip("/")


def databases(environment: Mapping[str, str]) -> None:
    """Create roles and databases, each role with a database of its own, and the readers' role."""
    admin = environment[ADMIN]
    with psycopg.connect(admin, autocommit=True, connect_timeout=5) as connection:
        for name in OWNERS:
            role, password, database = _credentials(environment[name])
            _role(connection, role, password)
            _database(connection, database, role)
        reader, password, database = _credentials(environment[READER])
        _role(connection, reader, password)
        run = "grant connect on database {} to {}"
        connection.execute(sql.SQL(run).format(sql.Identifier(database), sql.Identifier(reader)))
        _set(connection, reader, "default_transaction_read_only", "on")
        _set(connection, reader, "statement_timeout", "60s")
        # A task that was killed within a transaction must not hold the scheduler's locks.
        airflow = _credentials(environment[OWNERS[1]])[0]
        _set(connection, airflow, "idle_in_transaction_session_timeout", "60s")
    open_to_reader(_with_database(admin, database))


def _with_database(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def open_to_reader(admin_url: str, owner: str = "allot", reader: str = "allot_reader") -> None:
    """Let people read every schema and table that Allot makes in this database, now and later."""
    with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
        for what in ("usage on schemas", "select on tables"):
            run = sql.SQL("alter default privileges for role {} grant {} to {}")
            names = sql.Identifier(owner), sql.SQL(what), sql.Identifier(reader)
            connection.execute(run.format(*names))


def _role(connection: psycopg.Connection, name: str, password: str) -> None:
    exists = connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone()
    verb = sql.SQL("alter" if exists else "create")
    run = sql.SQL("{} role {} login password {}")
    connection.execute(run.format(verb, sql.Identifier(name), sql.Literal(password)))


def _database(connection: psycopg.Connection, name: str, owner: str) -> None:
    known = connection.execute("select 1 from pg_database where datname = %s", (name,))
    names = sql.Identifier(name), sql.Identifier(owner)
    if known.fetchone() is None:
        connection.execute(sql.SQL("create database {} owner {}").format(*names))
    run = sql.SQL("revoke connect, temporary on database {} from public").format(names[0])
    connection.execute(run)


def _set(connection: psycopg.Connection, role: str, setting: LiteralString, value: str) -> None:
    run = sql.SQL("alter role {} set {} = {}")
    names = sql.Identifier(role), sql.SQL(setting), sql.Literal(value)
    connection.execute(run.format(*names))


def buckets(environment: Mapping[str, str]) -> None:
    """Create the buckets of the lake and of MLflow; existing ones stay as they are."""
    settings = allot_settings(environment)
    own = (settings.bronze_bucket, settings.silver_bucket, settings.docs_bucket)
    make_buckets(settings, *own, urlsplit(environment[MLFLOW_BUCKET]).netloc)


def s3_client(settings: Settings) -> Minio:
    """Client of the S3 API that the settings name."""
    return Minio(
        settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=settings.s3_secure,
        region=settings.s3_region,
    )


def make_buckets(settings: Settings, *names: str) -> None:
    """Create buckets that are missing."""
    client = s3_client(settings)
    for bucket in names:
        try:
            client.make_bucket(bucket)
        except S3Error as error:
            if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise


def allot_settings(environment: Mapping[str, str]) -> Settings:
    """Allot's settings as this environment has them, whatever the process's own says."""
    named = {key.removeprefix("ALLOT_").lower(): value for key, value in environment.items()}
    given = {key: value for key, value in named.items() if key in Settings.model_fields}
    return Settings(**given)  # type: ignore[arg-type]


def allot_schema(environment: Mapping[str, str]) -> None:
    """Bring Allot's own schema and views up to date."""
    from include.stores.reports.migrate import migrate  # noqa: PLC0415

    migrate(allot_settings(environment))


def mlflow_schema(environment: Mapping[str, str]) -> None:
    """Bring MLflow's schema up to date, without its address on a command line."""
    upgrade = (
        "import os; from mlflow.db import upgrade; "
        "upgrade.callback(os.environ['MLFLOW_BACKEND_STORE_URI'])"
    )
    _once("mlflow", environment, OWNERS[2], [sys.executable, "-c", upgrade])


def airflow_schema(environment: Mapping[str, str]) -> None:
    """Bring Airflow's schema up to date."""
    _once(
        "apache-airflow", environment, OWNERS[1], [sys.executable, "-m", "airflow", "db", "migrate"]
    )


def _once(package: str, environment: Mapping[str, str], url: str, command: list[str]) -> None:
    """Run a schema upgrade unless the database says that this version has finished it."""
    address = urlsplit(environment[url])._replace(scheme="postgresql").geturl()
    note = f"schema of {package} {version(package)}"
    with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
        query = (
            "select shobj_description(oid, 'pg_database') from pg_database "
            "where datname = current_database()"
        )
        row = connection.execute(query).fetchone()
        if row is not None and row[0] == note:
            return
        # The upgrade holds its lock in an idle transaction, which the role's own limit would end.
        patient = {**environment, "PGOPTIONS": "-c idle_in_transaction_session_timeout=0"}
        done = subprocess.run(
            command,
            env=patient,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"{note} failed with {done.returncode}: {done.stdout[-3000:]}")
        name = sql.Identifier(connection.info.dbname)
        run = sql.SQL("comment on database {} is {}").format(name, sql.Literal(note))
        connection.execute(run)


def airflow_login(environment: Mapping[str, str]) -> None:
    """Write Airflow's password file; without it Airflow makes up a password and prints it."""
    path = Path(environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    path.parent.mkdir(parents=True, exist_ok=True)
    login = {environment["ALLOT_AIRFLOW_USER"]: environment["ALLOT_AIRFLOW_PASSWORD"]}
    write_private(path, json.dumps(login))


STEPS: dict[str, Callable[[Mapping[str, str]], None]] = {
    "databases": databases,
    "buckets": buckets,
    "allot-schema": allot_schema,
    "mlflow-schema": mlflow_schema,
    "airflow-schema": airflow_schema,
    "airflow-login": airflow_login,
}


def main() -> int:
    """Run the named steps in the given order, all by default."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(prog="python -m stack.init", description=main.__doc__)
    parser.add_argument("steps", nargs="*", choices=[*STEPS, []], help="default: all")
    for name in parser.parse_args().steps or STEPS:
        _log.info("%s", name)
        try:
            STEPS[name](os.environ)
        except KeyError as error:
            raise SystemExit(f"{name} needs the variable {error.args[0]}") from error
    return 0


if __name__ == "__main__":
    sys.exit(main())
