"""SeaweedFS's S3, hardened: without these flags its other ports give data away."""

import json
from functools import partial
from pathlib import Path

from minio import Minio
from minio.error import MinioException
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from stack.config import HOST, S3_PORTS, StackConfig
from stack.part import Part
from stack.parts.programs import program
from stack.secrets import Secrets, write_private
from stack.sockets import socket_folder


def _identities(config: StackConfig) -> Path:
    return config.run_dir / "s3.identities.json"


def _prepare(config: StackConfig, secrets: Secrets) -> None:
    folder = config.folder("s3")
    folder.mkdir(parents=True, exist_ok=True)
    # It writes its flags here at the first start and prefers them to ours ever after.
    (folder / "mini.options").unlink(missing_ok=True)
    identity = {
        "name": "allot",
        "credentials": [{"accessKey": secrets.s3_access_key, "secretKey": secrets.s3_secret_key}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    write_private(_identities(config), json.dumps({"identities": [identity]}))


def _health(config: StackConfig, secrets: Secrets) -> str | None:
    """Ask with credentials: the unauthenticated health route answers before the filer is there."""
    pool = PoolManager(timeout=Timeout(2), retries=False)
    s3 = Minio(
        f"{HOST}:{config.s3_port}", access_key=secrets.s3_access_key,
        secret_key=secrets.s3_secret_key, secure=False, region="us-east-1", http_client=pool,
    )  # fmt: skip
    try:
        s3.list_buckets()
    except (HTTPError, MinioException) as error:
        return str(error)
    finally:
        pool.clear()
    return None


def _flags(config: StackConfig) -> list[str]:
    port, sockets = config.s3_port, socket_folder(config.run_dir)
    names = (
        "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port",
        "volume.port.grpc", "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc",
    )  # fmt: skip
    flags = {
        "dir": config.folder("s3"), "ip": HOST, "ip.bind": HOST, "master.telemetry": "false",
        "s3.autoCreateBucket": "false", "s3.iam": "false", "s3.config": _identities(config),
        "s3.port.iceberg": 0, "s3.port.lance": 0, "webdav": "false", "admin.ui": "false",
        "filer.localSocket": sockets / "filer.sock", "s3.localSocket": sockets / "s3.sock",
        **{name: port + offset for offset, name in enumerate(names)},
    }  # fmt: skip
    # One GET without credentials on the master's HTTP port would delete a bucket.
    return ["-disableHttp", *(f"-{name}={value}" for name, value in flags.items())]


def part(config: StackConfig, secrets: Secrets) -> Part:
    """SeaweedFS as a part of the stack."""
    return Part(
        name="s3",
        command=(program("weed"), "-logtostderr=true", "mini", *_flags(config)),
        env={
            "GOMEMLIMIT": "512MiB",
            # Without these four its filer port serves every object to anybody.
            "WEED_JWT_SIGNING_KEY": secrets.weed_jwt,
            "WEED_JWT_SIGNING_READ_KEY": secrets.weed_jwt_read,
            "WEED_JWT_FILER_SIGNING_KEY": secrets.weed_filer_jwt,
            "WEED_JWT_FILER_SIGNING_READ_KEY": secrets.weed_filer_jwt_read,
        },
        health=partial(_health, config, secrets),
        ports={"ALLOT_S3_PORT": tuple(range(config.s3_port, config.s3_port + S3_PORTS))},
        prepare=partial(_prepare, config, secrets),
        grace=15.0,
    )
