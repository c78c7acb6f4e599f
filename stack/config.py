"""What of the stack can be set from outside: folders, ports, worker counts.

Every part has its own port and folder variable, so that a proxy or a small disk
fits between any two of them.
"""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
S3_PORTS = 10
"""SeaweedFS takes a block of ports: S3 first, then its own internal ones."""


class StackConfig(BaseSettings):
    """Where the embedded stack keeps its state, and where its parts listen."""

    model_config = SettingsConfigDict(
        env_prefix="ALLOT_", extra="ignore", frozen=True, env_ignore_empty=True
    )

    state_dir: Path = Field(default=ROOT / ".allot", description="folder of all state")
    postgres_dir: Path | None = Field(default=None, description="PostgreSQL's data")
    store_dir: Path | None = Field(default=None, description="Valkey's data")
    s3_dir: Path | None = Field(default=None, description="SeaweedFS's data")
    airflow_home: Path | None = Field(default=None, description="Airflow's folder")
    log_dir: Path | None = Field(default=None, description="logs of all parts")
    serving_dir: Path | None = Field(default=None, description="what the API keeps on disk")
    dags_dir: Path = Field(default=ROOT / "dags", description="folder of the DAGs")
    plugins_dir: Path = Field(default=ROOT / "plugins", description="folder of Airflow's plugins")

    postgres_port: int = 15432
    store_port: int = 16379
    s3_port: int = Field(default=19000, description=f"first of a block of {S3_PORTS} ports")
    mlflow_port: int = 15000
    airflow_port: int = 18080
    serving_port: int = 18000

    airflow_database_port: int | None = Field(
        default=None, description="where Airflow finds PostgreSQL, if a proxy stands between"
    )
    mlflow_database_port: int | None = Field(
        default=None, description="where MLflow finds PostgreSQL, if a proxy stands between"
    )

    airflow_workers: int = Field(default=4, description="tasks that run at the same time")
    airflow_api_workers: int = 1
    mlflow_workers: int = 1
    serving_workers: int = 1
    dags_paused: bool = Field(default=False, description="whether new DAGs start paused")
    min_free_mb: int = Field(default=1024, description="`up` refuses to start with less disk")
    start_timeout: float = Field(default=240.0, description="seconds for one part to get healthy")

    @field_validator("state_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    def folder(self, name: str) -> Path:
        """Folder of one part: its own setting, else a subfolder of the state folder."""
        own: Path | None = getattr(self, name if name == "airflow_home" else f"{name}_dir")
        default = {"log": "logs", "airflow_home": "airflow"}.get(name, name)
        return (own or self.state_dir / default).expanduser().absolute()

    @property
    def run_dir(self) -> Path:
        """Folder of records, generated configuration and sockets of running parts."""
        return self.state_dir / "run"

    @property
    def secrets_file(self) -> Path:
        """The file with everything that was generated once."""
        return self.state_dir / "secrets" / "secrets.json"

    @property
    def env_file(self) -> Path:
        """The environment that every command against this stack runs in."""
        return self.state_dir / "env"
