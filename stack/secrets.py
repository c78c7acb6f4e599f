"""Secrets of the stack: generated once, readable by their owner alone."""

import json
import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


def _password() -> str:
    return secrets.token_hex(24)


def _fernet_key() -> str:
    return urlsafe_b64encode(secrets.token_bytes(32)).decode()


class Secrets(BaseModel):
    """Passwords and keys of every part; hexadecimal, so that they need no quoting anywhere."""

    model_config = ConfigDict(frozen=True)

    postgres_password: str = Field(default_factory=_password)
    allot_password: str = Field(default_factory=_password)
    reader_password: str = Field(default_factory=_password)
    airflow_db_password: str = Field(default_factory=_password)
    mlflow_db_password: str = Field(default_factory=_password)
    store_password: str = Field(default_factory=_password)
    s3_access_key: str = Field(default_factory=lambda: secrets.token_hex(10))
    s3_secret_key: str = Field(default_factory=_password)
    weed_jwt: str = Field(default_factory=_password)
    weed_jwt_read: str = Field(default_factory=_password)
    weed_filer_jwt: str = Field(default_factory=_password)
    weed_filer_jwt_read: str = Field(default_factory=_password)
    airflow_password: str = Field(default_factory=lambda: secrets.token_hex(12))
    airflow_jwt_secret: str = Field(default_factory=_password)
    airflow_api_secret: str = Field(default_factory=_password)
    airflow_fernet_key: str = Field(default_factory=_fernet_key)
    mlflow_secret: str = Field(default_factory=_password)


def private_folder(path: Path) -> Path:
    """Create a folder that only its owner may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that was never readable by others, and appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def load_secrets(path: Path) -> Secrets:
    """Read the secrets, generating those that are missing; existing ones never change."""
    private_folder(path.parent)
    known = json.loads(path.read_text()) if path.exists() else {}
    loaded = Secrets(**known)
    if loaded.model_dump() != known:
        write_private(path, loaded.model_dump_json(indent=1))
    return loaded
