"""How the lake is reached: one client for objects, one set of options for Delta tables."""

import math
from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from minio import Minio

REQUEST_SECONDS = 120
# urllib3 sends the body under the deadline of the connection: a part must fit on a slow disk.
SEND_SECONDS = 60


def object_client(settings: Settings) -> "Minio":
    """Return an S3 client whose waits all end.

    It repeats GET, PUT and DELETE after a loss: every object of the lake is named by its
    content or by its writer, so a repeat writes the same bytes. What must happen once (a
    manifest, a Delta commit) does not go through it.
    """
    import urllib3
    from minio import Minio

    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=SEND_SECONDS, read=REQUEST_SECONDS),
        maxsize=8,
        retries=urllib3.Retry(total=3, backoff_factor=0.5, status_forcelist=(500, 502, 503, 504)),
    )
    return Minio(
        settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=settings.s3_secure,
        region=settings.s3_region,
        http_client=pool,
    )


def ensure_bucket(client: "Minio", bucket: str) -> None:
    """Create a bucket unless it exists, also when several processes do so at once."""
    from minio.error import S3Error

    if client.bucket_exists(bucket):
        return
    try:
        client.make_bucket(bucket)
    except S3Error as error:
        if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise


def table_uri(settings: Settings, table: str) -> str:
    """Return the address of a Delta table in the silver bucket."""
    return f"s3://{settings.silver_bucket}/{table}"


def delta_options(settings: Settings) -> dict[str, str]:
    """Return the storage options of delta-rs and polars for the lake."""
    scheme = "https" if settings.s3_secure else "http"
    return {
        "aws_endpoint_url": f"{scheme}://{settings.s3_endpoint}",
        "aws_access_key_id": settings.s3_access_key.get_secret_value(),
        "aws_secret_access_key": settings.s3_secret_key.get_secret_value(),
        "aws_region": settings.s3_region,
        "aws_allow_http": str(not settings.s3_secure).lower(),
        "connect_timeout": f"{math.ceil(settings.timeout_seconds)}s",
        "timeout": f"{REQUEST_SECONDS}s",
    }
