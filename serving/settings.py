"""Settings of the API; the same ``ALLOT_`` names as everywhere, without the pipeline's secrets."""

import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from include.errors import SettingsError


class ServingSettings(BaseSettings):
    """What the API needs to know: where its store is, its limits and its patience."""

    model_config = SettingsConfigDict(env_prefix="ALLOT_", extra="ignore", frozen=True)

    store_url: SecretStr = Field(description="Dragonfly or Valkey, as redis://…")
    database_url: SecretStr = Field(description="PostgreSQL of Allot, as postgresql://…")
    serving_host: str = Field(default="127.0.0.1", description="address to listen on")
    serving_port: int = Field(default=8000, ge=1, le=65535)
    serving_workers: int = Field(default=1, ge=1, le=64, description="processes on the one port")
    serving_trusted_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("127.0.0.1", "localhost", "[::1]"),
        description="accepted Host headers without port, separated by commas",
    )
    serving_snapshot_dir: Path | None = Field(
        default=None,
        description="folder that keeps the last known good weights over a restart; none: not kept",
    )
    serving_spool_dir: Path | None = Field(
        default=None,
        description="folder for records while the database is away; none: they are refused",
    )
    serving_log_seconds: float = Field(
        default=0.5, gt=0, description="how long the database may take before the spool does"
    )
    serving_retry_seconds: float = Field(
        default=1.0, gt=0, description="pause before a database that failed is tried again"
    )
    serving_manage_seconds: float = Field(
        default=5.0, gt=0, description="deadline of creating or reading an experiment"
    )
    serving_poll_seconds: float = Field(
        default=2.0, gt=0, description="how often the store is asked, beside announcements"
    )
    serving_stale_seconds: float = Field(
        default=10.0, gt=0, description="unconfirmed for longer than this is answered as stale"
    )
    serving_store_timeout_seconds: float = Field(
        default=1.0, gt=0, description="deadline of one call to the store"
    )
    serving_max_age_seconds: int = Field(
        default=1, ge=0, description="how long a client may reuse an allocation unasked"
    )
    serving_max_body_bytes: int = Field(default=1_048_576, ge=1)
    serving_max_header_bytes: int = Field(default=32_768, ge=1024)
    serving_receive_seconds: float = Field(
        default=10.0, gt=0, description="deadline for receiving one request, headers and body"
    )
    serving_keep_alive_seconds: int = Field(default=30, ge=1)
    serving_concurrency: int = Field(
        default=1024, ge=1, description="connections per process; more are answered 503"
    )
    serving_drain_seconds: int = Field(
        default=10, ge=1, description="how long a stop waits for open requests"
    )
    serving_require_keys: bool = Field(
        default=False, description="whether callers need a key; only on loopback they may not"
    )
    serving_key_rate: float = Field(
        default=2_000.0, gt=0, description="requests per second, key and process; more get 429"
    )
    serving_key_kept_seconds: float = Field(
        default=3_600.0, gt=0, description="how long keys hold while the database is away"
    )
    serving_log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @field_validator("serving_trusted_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(host.strip() for host in value.split(",") if host.strip())
        return value


@lru_cache(maxsize=1)
def serving_settings() -> ServingSettings:
    """Read the settings from the environment, once per process.

    Raises
    ------
    SettingsError
        Naming every variable that is missing or malformed; or if the address is open to others
        and keys are not required.
    """
    try:
        chosen = ServingSettings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        names = ", ".join(f"ALLOT_{str(part['loc'][0]).upper()}" for part in error.errors())
        raise SettingsError(
            f"settings of the API missing or malformed: {names}; .env.example lists them."
        ) from error
    if not chosen.serving_require_keys and not _is_loopback(chosen.serving_host):
        raise SettingsError(
            f"the API is not opened to {chosen.serving_host} without keys: set"
            " ALLOT_SERVING_REQUIRE_KEYS=true and make one by `python -m serving.keys create`."
        )
    return chosen


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
