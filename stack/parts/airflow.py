"""Airflow's four components, each a part of its own, LocalExecutor on PostgreSQL."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from stack import leash
from stack.config import HOST, StackConfig
from stack.part import Part
from stack.parts import canary
from stack.parts.http import get
from stack.secrets import Secrets

USER = "admin"
# What tasks import takes seconds of processor time; workers are forked with it in memory.
# Never polars or deltalake: their threads do not survive a fork.
PRELOADED = (
    "airflow.executors.local_executor",
    "great_expectations",
    "great_expectations.expectations",
    "matplotlib.figure",
    "minio",
    "mlflow.tracking",
    "psycopg",
    "scipy.stats",
)
SCHEDULER = "airflow-scheduler"
BEATING = {
    SCHEDULER: ("scheduler", "latest_scheduler_heartbeat"),
    "airflow-dag-processor": ("dag_processor", "latest_dag_processor_heartbeat"),
    "airflow-triggerer": ("triggerer", "latest_triggerer_heartbeat"),
}


def _url(config: StackConfig) -> str:
    return f"http://{HOST}:{config.airflow_port}"


def environment(config: StackConfig, secrets: Secrets) -> dict[str, str]:
    """Airflow's configuration, the same for all components and for tasks."""
    home, logs = config.folder("airflow_home"), config.folder("log")
    port = config.airflow_database_port or config.postgres_port
    database = f"airflow:{secrets.airflow_db_password}@{HOST}:{port}/airflow"
    options: dict[str, Mapping[str, object]] = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "DAGS_FOLDER": config.dags_dir,
            "PLUGINS_FOLDER": config.plugins_dir,
            "LOAD_EXAMPLES": False,
            "PARALLELISM": config.airflow_workers,
            "FERNET_KEY": secrets.airflow_fernet_key,
            "EXECUTION_API_SERVER_URL": f"{_url(config)}/execution/",
            "SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home / "passwords.json",
            "DAGS_ARE_PAUSED_AT_CREATION": config.dags_paused,
            "MIN_SERIALIZED_DAG_UPDATE_INTERVAL": 5,
            # The default asks DNS for the machine's full name, which hangs where there is none.
            "HOSTNAME_CALLABLE": "socket.gethostname",
            "MP_FORKSERVER_PRELOAD": ",".join(PRELOADED),
        },
        "DATABASE": {
            "SQL_ALCHEMY_CONN": f"postgresql+psycopg://{database}",
            "SQL_ALCHEMY_CONN_ASYNC": f"postgresql+psycopg_async://{database}",
        },
        "API": {
            "HOST": HOST,
            "PORT": config.airflow_port,
            "WORKERS": config.airflow_api_workers,
            "BASE_URL": _url(config),
            "SECRET_KEY": secrets.airflow_api_secret,
        },
        "API_AUTH": {"JWT_SECRET": secrets.airflow_jwt_secret, "JWT_ISSUER": "allot"},
        "SCHEDULER": {
            "SCHEDULER_IDLE_SLEEP_TIME": 0.2,
            "MP_START_METHOD": "forkserver",
            # The loop waits for the first worker, and so for what is preloaded.
            "SCHEDULER_HEALTH_CHECK_THRESHOLD": 90,
            "ENABLE_HEALTH_CHECK": False,
            # What a killed scheduler left running is adopted or failed within a minute.
            "ORPHANED_TASKS_CHECK_INTERVAL": 20,
            "TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
        },
        "DAG_PROCESSOR": {
            "REFRESH_INTERVAL": 5,
            # A changed file is read at once; reading all of them anew takes seconds of a core.
            "MIN_FILE_PROCESS_INTERVAL": 300,
            "DAG_BUNDLE_STORAGE_PATH": home / "bundles",
        },
        "LOGGING": {
            "BASE_LOG_FOLDER": logs / "airflow-tasks",
            "DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": logs / "airflow-dag-files",
            "JSON_LOGS": True,
            "COLORED_CONSOLE_LOG": False,
        },
    }
    flat = {
        f"AIRFLOW__{section}__{name}": str(value)
        for section, values in options.items()
        for name, value in values.items()
    }
    return {"AIRFLOW_HOME": str(home), **flat}


def _api_health(config: StackConfig) -> str | None:
    answer = get(f"{_url(config)}/api/v2/version")
    return None if answer.ok else answer.problem


def _beats(config: StackConfig, secrets: Secrets, name: str) -> str | None:
    """Whether a component has sent a heartbeat in its present life, and whether tasks run.

    Airflow calls a component healthy by its last heartbeat, also when that came from a
    process that has been killed since, or from a scheduler that starts nothing.
    """
    answer = get(f"{_url(config)}/api/v2/monitor/health")
    if not answer.ok:
        return f"airflow-api {answer.problem}"
    key, beat = BEATING[name]
    said = answer.json()[key]
    if said["status"] != "healthy":
        return f"Airflow says {said['status']}, last heartbeat {said[beat]}"
    record = leash.read_record(config.run_dir / f"{name}.record")
    if record is None or leash.start_time(record["leader"]) != record["leader_start"]:
        return "no process"
    started = datetime.fromtimestamp(record["started"], UTC)
    if datetime.fromisoformat(said[beat]) < started:
        return "no heartbeat since it was started"
    if name == SCHEDULER:
        return canary.tasks_run(_url(config), USER, secrets.airflow_password, started)
    return None


def parts(config: StackConfig, secrets: Secrets) -> list[Part]:
    """Four components as parts; the last to start is the first to stop."""
    airflow = (sys.executable, "-m", "airflow")
    api = Part(
        name="airflow-api",
        command=(*airflow, "api-server"),
        env={},
        health=partial(_api_health, config),
        ports={"ALLOT_AIRFLOW_PORT": (config.airflow_port,)},
        needs=("airflow-schema", "airflow-login"),
        url=_url(config),
    )
    # Task logs are read from the shared folder, so nobody needs to serve them on a port.
    commands = {
        SCHEDULER: ("scheduler", "--skip-serve-logs"),
        "airflow-dag-processor": ("dag-processor",),
        "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
    }
    others = [
        Part(
            name=name,
            command=(*airflow, *arguments),
            env={},
            health=partial(_beats, config, secrets, name),
            needs=("airflow-schema",),
            stops_before=("airflow-api",),
            grace=15.0,
        )
        for name, arguments in commands.items()
    ]
    return [api, *others]
