"""The one environment that the parts, the tests and every command run in."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from include.settings import Settings
from stack.config import HOST, ROOT, StackConfig
from stack.parts import airflow, mlflow, serving, store
from stack.secrets import Secrets

LOOPBACK = f"{HOST},localhost"
INHERITED = (
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TERM",
    "USER",
    "LOGNAME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


def base_environment() -> dict[str, str]:
    """Take little from the shell, so that a part starts the same way everywhere."""
    outer = os.environ
    kept = {name: outer[name] for name in INHERITED if name in outer}
    proxies = {key: value for key, value in outer.items() if key.lower().endswith("_proxy")}
    own = str(Path(sys.executable).parent)
    path = [folder for folder in outer.get("PATH", os.defpath).split(":") if folder != own]
    return {
        "LANG": "C.UTF-8",
        **kept,
        **proxies,
        "PATH": ":".join([own, *path]),
        "PYTHONUNBUFFERED": "1",
    }


def stack_environment(
    config: StackConfig, secrets: Secrets, overrides: Mapping[str, str]
) -> dict[str, str]:
    """Everything that the parts, the DAGs and the people's commands read.

    A setting of Allot that is set outside wins, so that a proxy fits between.
    """
    database = f"{HOST}:{config.postgres_port}/allot"
    made = {
        "ALLOT_STATE_DIR": str(config.state_dir),
        "ALLOT_DATABASE_URL": f"postgresql://allot:{secrets.allot_password}@{database}",
        "ALLOT_READER_DATABASE_URL": f"postgresql://allot_reader:{secrets.reader_password}@{database}",
        "ALLOT_STORE_URL": store.url(config, secrets),
        "ALLOT_S3_ENDPOINT": f"{HOST}:{config.s3_port}",
        "ALLOT_S3_ACCESS_KEY": secrets.s3_access_key,
        "ALLOT_S3_SECRET_KEY": secrets.s3_secret_key,
        "ALLOT_MLFLOW_URL": f"http://{HOST}:{config.mlflow_port}",
        "ALLOT_MLFLOW_BROWSER_URL": "",
        "ALLOT_S3_BROWSER_ENDPOINT": "",
        "ALLOT_AIRFLOW_API_URL": "",
        "ALLOT_NOTIFY_WEBHOOK_URL": "",
        "ALLOT_LOG_SCHEDULE_SECONDS": str(Settings.model_fields["log_schedule_seconds"].default),
        "ALLOT_AIRFLOW_URL": f"http://{HOST}:{config.airflow_port}",
        "ALLOT_AIRFLOW_USER": airflow.USER,
        "ALLOT_AIRFLOW_PASSWORD": secrets.airflow_password,
        **serving.environment(config),
    }
    names = {f"ALLOT_{name.upper()}" for name in Settings.model_fields} | set(made)
    chosen = {**made, **{name: overrides[name] for name in names if overrides.get(name)}}
    return {
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
        **chosen,
        **mlflow.client_environment(chosen["ALLOT_MLFLOW_URL"]),
        **airflow.environment(config, secrets),
    }


def write_lines(environment: Mapping[str, str]) -> str:
    """As shell assignments, for ``set -a; . .allot/env``."""
    return "".join(f"{key}={shlex.quote(value)}\n" for key, value in sorted(environment.items()))


def read_lines(path: Path) -> dict[str, str]:
    """Read an environment file that `write_lines` wrote."""
    words = shlex.split(path.read_text())
    return dict(word.split("=", 1) for word in words)
