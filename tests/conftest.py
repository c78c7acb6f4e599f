"""The embedded services, for tests that speak to real ones.

One set for all xdist workers: whichever worker needs it first starts it under a lock; the
controlling process stops it at the end, and would it be killed, the services end with it.
"""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from include import settings as settings_module
from include.settings import Settings
from stack.assembly import SERVICE_STEPS, SERVICES
from stack.config import StackConfig
from stack.init import make_buckets, open_to_reader, s3_client
from stack.parts.postgres import admin_url
from stack.parts.store import DATABASES
from stack.platform import Stack
from stack.temporary import temporary_config

# What the support modules assert is to be read where it fails, as in a test.
pytest.register_assert_rewrite("tests.support")

FOLDER = pytest.StashKey[Path]()
OWNER = pytest.StashKey[int]()
TEMPLATE = "allot_template"

# A deadline is a timing: on a busy machine it fails what is right.
hypothesis_settings.register_profile("allot", deadline=None)
hypothesis_settings.load_profile("allot")


def pytest_configure(config: pytest.Config) -> None:
    """Name the session's folder; xdist's workers are told it by their controller."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[FOLDER] = Path(worker["allot_folder"])
        config.stash[OWNER] = worker["allot_owner"]
        return
    config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="allot-test-"))
    config.stash[OWNER] = os.getpid()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell an xdist worker where the session's services are."""
    node.workerinput["allot_folder"] = str(node.config.stash[FOLDER])  # type: ignore[attr-defined]
    node.workerinput["allot_owner"] = node.config.stash[OWNER]  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this session started; a stack's folder is kept when it could not be stopped."""
    if hasattr(config, "workerinput"):
        return
    for saved in config.stash[FOLDER].glob("*.config.json"):
        Stack(StackConfig.model_validate_json(saved.read_text())).down()
    shutil.rmtree(config.stash[FOLDER])


def _shared_stack(
    config: pytest.Config, name: str, parts: tuple[str, ...] | None, steps: tuple[str, ...] | None
) -> Stack:
    """Start a stack once per session, whichever worker comes first."""
    folder = config.stash[FOLDER]
    saved = folder / f"{name}.config.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if saved.exists():
            return Stack(StackConfig.model_validate_json(saved.read_text()))
        chosen = temporary_config(folder / name)
        started = Stack(chosen)
        saved.write_text(chosen.model_dump_json())
        started.up(parts, steps, owner=config.stash[OWNER])
        return started


def _export(environment: dict[str, str]) -> Iterator[None]:
    """Set variables for a while; whoever asks `settings()` anew sees them."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in environment.items():
            patch.setenv(key, value)
        settings_module.settings.cache_clear()
        yield
    settings_module.settings.cache_clear()


@pytest.fixture(scope="session")
def service_stack(request: pytest.FixtureRequest) -> Stack:
    """PostgreSQL, Valkey and S3, started once for all tests and workers."""
    return _shared_stack(request.config, "services", SERVICES, SERVICE_STEPS)


@pytest.fixture(scope="session")
def services(service_stack: Stack) -> Iterator[Settings]:
    """Settings of the running services; the environment names them, too."""
    for _ in _export(service_stack.environment):
        yield service_stack.settings


def _exported(chosen: Settings, *names: str) -> Iterator[Settings]:
    values = {}
    for name in names:
        value = getattr(chosen, name)
        values[f"ALLOT_{name.upper()}"] = (
            value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        )
    for _ in _export(values):
        yield chosen


def _admin(stack: Stack, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(admin_url(stack.config, stack.secrets, database), autocommit=True)


@pytest.fixture(scope="session")
def migrated_template(
    request: pytest.FixtureRequest, service_stack: Stack, services: Settings
) -> str:
    """A migrated database, made once, that the tests' databases are copies of."""
    from include.stores.reports.migrate import migrate

    with (request.config.stash[FOLDER] / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _admin(service_stack) as admin:
            known = admin.execute("select 1 from pg_database where datname = %s", (TEMPLATE,))
            if known.fetchone() is None:
                draft = f"{TEMPLATE}_draft"
                admin.execute(f"drop database if exists {draft} with (force)")
                admin.execute(f"create database {draft} owner allot")
                open_to_reader(admin_url(service_stack.config, service_stack.secrets, draft))
                migrate(_with_database(services, draft))
                admin.execute(f"alter database {draft} rename to {TEMPLATE}")
    return TEMPLATE


def _with_database(base: Settings, name: str) -> Settings:
    address = base.database_url.get_secret_value().rpartition("/")[0]
    return Settings.model_validate({**base.model_dump(), "database_url": f"{address}/{name}"})


@pytest.fixture
def database(
    service_stack: Stack, services: Settings, migrated_template: str
) -> Iterator[Settings]:
    """Settings with a migrated database of this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    create = sql.SQL("create database {} template {} owner allot strategy wal_log")
    with _admin(service_stack) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(migrated_template)))
        yield from _exported(_with_database(services, name), "database_url")
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def lake(services: Settings) -> Iterator[Settings]:
    """Settings with empty buckets of this test alone."""
    mark = uuid.uuid4().hex[:12]
    names = {f"{kind}_bucket": f"{kind}-{mark}" for kind in ("bronze", "silver", "docs")}
    chosen = services.model_copy(update=names)
    make_buckets(chosen, *names.values())
    yield from _exported(chosen, *names)
    client = s3_client(chosen)
    for bucket in names.values():
        for entry in client.list_objects(bucket, recursive=True):
            client.remove_object(bucket, str(entry.object_name))
        client.remove_bucket(bucket)


@pytest.fixture
def store_database(request: pytest.FixtureRequest) -> int:
    """Number of the store's database that belongs to this worker."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return 1 + int(worker.removeprefix("gw")) % (DATABASES - 1)


@pytest.fixture
def store(service_stack: Stack, services: Settings, store_database: int) -> Iterator[Settings]:
    """Settings with an empty store of this test alone (announcements are heard by all)."""
    import redis

    url = store_url(service_stack, store_database)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    yield from _exported(
        Settings.model_validate({**services.model_dump(), "store_url": url}), "store_url"
    )


def store_url(stack: Stack, number: int) -> str:
    """Address of one of the store's databases."""
    from stack.parts import store as part

    return part.url(stack.config, stack.secrets, number)


@pytest.fixture
def isolated(database: Settings, lake: Settings, store: Settings) -> Settings:
    """Settings with a database, buckets and a store of this test alone."""
    buckets = {
        name: getattr(lake, name) for name in ("bronze_bucket", "silver_bucket", "docs_bucket")
    }
    return database.model_copy(update={"store_url": store.store_url, **buckets})


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Stack:
    """Start the whole platform, with Airflow, MLflow and serving, once for all tests and workers.

    Its `settings`, `environment` and `airflow()` say how to reach it. The process's own environment
    keeps naming the `services`, which other tests in the same worker use.
    """
    return _shared_stack(request.config, "stack", None, None)
