"""Settings that reach a part by another address, so that a proxy fits between."""

from urllib.parse import urlsplit

from pydantic import SecretStr

from include.settings import Settings


def address_of(url: SecretStr) -> tuple[str, int]:
    """Return host and port of a database or store."""
    parts = urlsplit(url.get_secret_value())
    if parts.hostname is None or parts.port is None:
        raise ValueError("the url names no host and port")
    return parts.hostname, parts.port


def through(settings: Settings, field: str, port: int) -> Settings:
    """Return settings that reach ``database_url`` or ``store_url`` by a port on loopback."""
    parts = urlsplit(getattr(settings, field).get_secret_value())
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    return settings.model_copy(update={field: SecretStr(parts._replace(netloc=netloc).geturl())})
