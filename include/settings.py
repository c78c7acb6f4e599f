"""Settings: one typed place, read from the environment.

The embedded stack and docker-compose set the same names (prefix ``ALLOT_``), so
that both run the same code. `.env.example` lists them; a test compares the two.
"""

from functools import lru_cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from include.errors import SettingsError


class Settings(BaseSettings):
    """Where the parts are, and with which credentials to reach them."""

    model_config = SettingsConfigDict(env_prefix="ALLOT_", extra="ignore", frozen=True)

    database_url: SecretStr = Field(description="PostgreSQL of Allot, as postgresql://…")
    store_url: SecretStr = Field(description="Dragonfly or Valkey, as redis://…")
    s3_endpoint: str = Field(description="host:port of the S3 API, without scheme")
    s3_access_key: SecretStr
    s3_secret_key: SecretStr
    s3_secure: bool = Field(default=False, description="whether S3 is reached by TLS")
    s3_region: str = "us-east-1"
    bronze_bucket: str = "allot-bronze"
    silver_bucket: str = Field(
        default="allot-silver", description="Delta tables: silver, quarantine"
    )
    docs_bucket: str = Field(default="allot-docs", description="validation reports for people")
    mlflow_url: str = Field(description="MLflow tracking server, as http://…")
    airflow_url: str = Field(description="Airflow as a browser reaches it, as http://…")
    serving_url: str = Field(description="the API as a browser reaches it, as http://…")
    airflow_api_url: str = Field(
        default="", description="Airflow as programs reach it, where a browser does otherwise"
    )
    airflow_user: str = Field(default="admin", description="who may delete Airflow's old runs")
    airflow_password: SecretStr = Field(default=SecretStr(""), description="of that user")
    serving_spool_dir: Path | None = Field(
        default=None, description="folder for records while the database is away"
    )
    mlflow_browser_url: str = Field(
        default="", description="MLflow as a browser reaches it, where programs do otherwise"
    )
    s3_browser_endpoint: str = Field(
        default="", description="S3 as a browser reaches it, where programs do otherwise"
    )
    experiments_dir: Path = Field(
        default=Path(__file__).parent / "experiments", description="folder of experiment TOML files"
    )
    lake_horizon_days: int = Field(
        default=400, description="audit horizon: how long lake files and log entries are kept"
    )
    log_horizon_days: int = Field(
        default=90,
        ge=1,
        description="how long PostgreSQL keeps log records that the lake has, and knows repeats",
    )
    airflow_horizon_days: int = Field(
        default=30, ge=1, description="how long Airflow keeps runs; those of the canary a day"
    )
    log_schedule_seconds: int = Field(
        default=300, ge=10, description="how often the decision log is brought into the lake"
    )
    code_revision: str = Field(
        default="", description="revision of the code, where no .git says it, as in an image"
    )
    notify_webhook_url: SecretStr = Field(
        default=SecretStr(""), description="Slack-compatible webhook for notifications; none: log"
    )
    timeout_seconds: float = Field(
        default=10.0, description="deadline of one call to a part of the stack"
    )

    @property
    def mlflow_link(self) -> str:
        """Address under which a person finds MLflow."""
        return self.mlflow_browser_url or self.mlflow_url


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the settings from the environment, once per process.

    Raises
    ------
    SettingsError
        Naming every variable that is missing or malformed.
    """
    try:
        return Settings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        names = ", ".join(f"ALLOT_{str(part['loc'][0]).upper()}" for part in error.errors())
        raise SettingsError(
            f"settings missing or malformed: {names}. Run commands through `make`, or "
            "export the variables that .env.example lists."
        ) from error
