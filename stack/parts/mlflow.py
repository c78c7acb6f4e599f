"""MLflow's tracking server: PostgreSQL behind it, artifacts in S3 with the server's keys only."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from stack.config import HOST, StackConfig
from stack.part import Part
from stack.parts.http import get
from stack.parts.programs import program
from stack.secrets import Secrets

BUCKET = "mlflow"


def client_environment(url: str) -> dict[str, str]:
    """Return what a client of MLflow reads from the environment."""
    return {
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        # An outage must not hang a task: few, short tries.
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    }


def server_environment(config: StackConfig, secrets: Secrets) -> dict[str, str]:
    """Return what the server alone knows: its database and its keys for S3."""
    password, port = secrets.mlflow_db_password, config.mlflow_database_port or config.postgres_port
    return {
        "MLFLOW_BACKEND_STORE_URI": f"postgresql+psycopg://mlflow:{password}@{HOST}:{port}/mlflow",
        "MLFLOW_ARTIFACTS_DESTINATION": f"s3://{BUCKET}",
        "MLFLOW_SERVE_ARTIFACTS": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_WORKERS": str(config.mlflow_workers),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.mlflow_secret,
        # Airflow's page shows it in a frame, from another port.
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "NONE",
        "AWS_ACCESS_KEY_ID": secrets.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": secrets.s3_secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _health(config: StackConfig) -> str | None:
    answer = get(f"http://{HOST}:{config.mlflow_port}/health")
    return None if answer.ok else answer.problem


def part(config: StackConfig, secrets: Secrets, environment: Mapping[str, str]) -> Part:
    """MLflow as a part of the stack."""
    endpoint = environment["ALLOT_S3_ENDPOINT"]
    scheme = "https" if environment.get("ALLOT_S3_SECURE", "").lower() in {"1", "true"} else "http"
    url = f"http://{HOST}:{config.mlflow_port}"
    return Part(
        name="mlflow",
        command=(program("mlflow"), "server", "--host", HOST, "--port", str(urlsplit(url).port)),
        env={
            **server_environment(config, secrets),
            "MLFLOW_S3_ENDPOINT_URL": f"{scheme}://{endpoint}",
        },
        health=partial(_health, config),
        ports={"ALLOT_MLFLOW_PORT": (config.mlflow_port,)},
        needs=("mlflow-schema", "buckets"),
        url=url,
    )
