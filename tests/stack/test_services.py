"""The small parts, killed and asked in every way."""

import io
import os
import signal
import socket
import stat
import subprocess
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from include.errors import StackError
from stack.assembly import SERVICE_STEPS, SERVICES
from stack.config import HOST, StackConfig
from stack.init import s3_client
from stack.platform import Stack
from stack.ports import is_free
from stack.secrets import load_secrets
from stack.status import status
from stack.temporary import temporary_config
from tests.stack.conftest import alive, eventually, processes_of

pytestmark = pytest.mark.services


def store_client(stack: Stack) -> redis.Redis:
    url = stack.settings.store_url.get_secret_value()
    return redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0))


def write(stack: Stack, value: str) -> None:
    """Leave one value in each of the three services, acknowledged by each."""
    with psycopg.connect(stack.settings.database_url.get_secret_value()) as connection:
        connection.execute("create table if not exists kept (value text)")
        connection.execute("insert into kept values (%s)", (value,))
    store_client(stack).rpush("kept", value)
    content = value.encode()
    s3_client(stack.settings).put_object(
        stack.settings.bronze_bucket, value, io.BytesIO(content), len(content)
    )


def read(stack: Stack) -> tuple[list[str], list[str], list[str]]:
    """Return what each of the three services has kept."""
    with psycopg.connect(stack.settings.database_url.get_secret_value()) as connection:
        rows = [row[0] for row in connection.execute("select value from kept order by 1")]
    kept = sorted(item.decode() for item in store_client(stack).lrange("kept", 0, -1))  # type: ignore[union-attr]
    objects = s3_client(stack.settings).list_objects(stack.settings.bronze_bucket)
    return rows, kept, sorted(str(item.object_name) for item in objects)


def test_up_twice_does_nothing_the_second_time(own_services: Stack) -> None:
    pids = {process.pid for process in processes_of(own_services)}
    assert own_services.up(SERVICES, SERVICE_STEPS) is False
    assert {process.pid for process in processes_of(own_services)} == pids


def test_down_leaves_no_process_and_up_finds_everything_again(own_services: Stack) -> None:
    write(own_services, "a")
    assert len(processes_of(own_services)) >= 8  # supervisord, three parts, a leash for each
    own_services.down()
    assert processes_of(own_services) == []
    own_services.up(SERVICES, SERVICE_STEPS)
    assert read(own_services) == (["a"], ["a"], ["a"])


def test_killed_parts_come_back_by_themselves_with_their_data(own_services: Stack) -> None:
    write(own_services, "a")
    supervisor = own_services.supervisor
    before = {name: supervisor.record(name) for name in SERVICES}
    for record in before.values():
        assert record is not None
        os.kill(record["leader"], signal.SIGKILL)
    eventually(lambda: all(supervisor.record(name) != before[name] for name in SERVICES))
    eventually(lambda: all(own_services.parts[name].health() is None for name in SERVICES))
    assert read(own_services) == (["a"], ["a"], ["a"])


@pytest.mark.parametrize("victims", ["supervisord", "all leashes", "everything"])
def test_nothing_is_lost_when_killed(own_services: Stack, victims: str) -> None:
    write(own_services, "a")
    supervisor = own_services.supervisor
    own = supervisor.record("supervisord")
    assert own is not None
    everything = processes_of(own_services)
    chosen = {
        "supervisord": [own["leader"]],
        "all leashes": [(supervisor.record(name) or own)["leash"] for name in SERVICES],
        "everything": [process.pid for process in everything],
    }[victims]
    for pid in chosen:
        # PostgreSQL's passing helpers may have ended by themselves since they were listed.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    own_services.up(SERVICES, SERVICE_STEPS)
    eventually(lambda: all(own_services.parts[name].health() is None for name in SERVICES))
    write(own_services, "b")
    assert read(own_services) == (["a", "b"], ["a", "b"], ["a", "b"])
    own_services.down()
    assert processes_of(own_services) == []
    assert [process for process in everything if alive(process)] == []


def test_a_dead_postmaster_that_nobody_reaps_is_none(own_services: Stack, tmp_path: Path) -> None:
    write(own_services, "a")
    own_services.down()
    program = tmp_path / "postgres"
    program.symlink_to("/bin/true")
    lock = own_services.config.folder("postgres") / "data" / "postmaster.pid"
    with subprocess.Popen([program]) as dead:
        eventually(lambda: psutil.Process(dead.pid).status() == psutil.STATUS_ZOMBIE)
        lock.write_text(f"{dead.pid}\n{lock.parent}\n")
        own_services.up(SERVICES, SERVICE_STEPS)
    assert read(own_services) == (["a"], ["a"], ["a"])


def test_a_taken_port_is_named_with_its_variable(own_config: StackConfig) -> None:
    stack = Stack(own_config)
    with socket.socket() as taken:
        taken.bind((HOST, own_config.store_port))
        taken.listen()
        with pytest.raises(StackError) as raised:
            stack.up(SERVICES)
        said = str(raised.value)
    for part in (str(own_config.store_port), "store", str(os.getpid()), "ALLOT_STORE_PORT"):
        assert part in said
    stack.down()
    assert processes_of(stack) == []


def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    stack = Stack(temporary_config(tmp_path, min_free_mb=10**9))
    with pytest.raises(StackError, match="ALLOT_STATE_DIR"):
        stack.up(SERVICES)
    assert processes_of(stack) == []


def test_a_part_that_cannot_start_shows_its_log(own_config: StackConfig) -> None:
    stack = Stack(own_config)
    folder = own_config.folder("store")
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(StackError, match=r"store\.log ends with:[^$]*manifest"):
        stack.up(["store"], [])
    stack.down()


def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    stack = Stack(temporary_config(tmp_path / ("deep-" * 20) / ("er-" * 30)))
    stack.up(SERVICES, SERVICE_STEPS, owner=os.getpid())
    stack.down()
    assert processes_of(stack) == []


def test_status_has_every_field_for_every_part(service_stack: Stack) -> None:
    rows = {row.name: row for row in status(service_stack)}
    assert set(rows) == set(service_stack.parts)
    for name in SERVICES:
        row = rows[name]
        assert row.healthy
        assert row.pid is not None
        assert os.getpgid(row.pid) == row.process_group
        assert row.port == service_stack.parts[name].port
        assert Path(row.log).stat().st_size > 0
    assert rows["mlflow"].health == "stopped"
    assert rows["mlflow"].pid is None


def test_everything_listens_on_loopback_alone(service_stack: Stack) -> None:
    addresses = {
        connection.laddr.ip
        for process in processes_of(service_stack)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {HOST}


def test_state_is_readable_by_its_owner_alone(service_stack: Stack) -> None:
    config = service_stack.config
    for folder in (config.state_dir, config.run_dir, config.secrets_file.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    private = [config.secrets_file, config.env_file, *config.run_dir.glob("*.json")]
    private += [config.run_dir / "store.conf", config.run_dir / "store.acl"]
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert load_secrets(config.secrets_file) == service_stack.secrets


def test_no_secret_stands_on_a_command_line(service_stack: Stack) -> None:
    secrets = set(service_stack.secrets.model_dump().values())
    for process in processes_of(service_stack):
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in secrets)


def _listens(port: int) -> bool:
    return not is_free(port)


def test_s3_gives_nothing_away_on_its_other_ports(own_services: Stack) -> None:
    write(own_services, "a")
    bucket, first = own_services.settings.bronze_bucket, own_services.config.s3_port
    paths = [
        f"/col/delete?collection={bucket}",
        f"/buckets/{bucket}/a",
        f"/{bucket}/a",
        "/dir/assign",
        "/vol/grow?count=1",
    ]
    for port in range(first, first + 10, 2):
        # S3 answers before the last of them does.
        eventually(partial(_listens, port))
        for path in paths:
            connection = HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", path)
            assert connection.getresponse().read() != b"a"
            connection.close()
    assert read(own_services) == (["a"], ["a"], ["a"])


def test_the_store_refuses_what_dragonfly_lacks(service_stack: Stack) -> None:
    client = store_client(service_stack)
    for command in ("WAIT 0 1", "FUNCTION LIST", "RESET", "OBJECT ENCODING x", "SCRIPT FLUSH"):
        with pytest.raises(redis.exceptions.ResponseError, match=r"permission|unknown command"):
            client.execute_command(*command.split())  # type: ignore[no-untyped-call]
    nobody = redis.Redis(host=HOST, port=service_stack.config.store_port)
    with pytest.raises(redis.exceptions.AuthenticationError):
        nobody.ping()


def test_people_may_read_and_nothing_else(own_services: Stack) -> None:
    write(own_services, "a")
    reader = own_services.environment["ALLOT_READER_DATABASE_URL"]
    with psycopg.connect(reader, autocommit=True) as connection:
        assert connection.execute("select value from kept").fetchall() == [("a",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("insert into kept values ('b')")
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into kept values ('b')")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(reader.rpartition("/")[0] + "/airflow")
