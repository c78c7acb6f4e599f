"""How the lake is reached: one client for objects, one set of options for Delta tables."""

import math
from typing import TYPE_CHECKING

from include.settings import Settings

if TYPE_CHECKING:
    from minio import Minio

# A part of a large object must fit into one request on a slow link.
REQUEST_SECONDS = 120


def object_client(settings: Settings) -> "Minio":
    """Return an S3 client whose waits all end.

    It repeats a request only when no connection was made: any other repeat is the
    caller's decision, who knows whether the write bears it.
    """
    import urllib3
    from minio import Minio

    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=settings.timeout_seconds, read=REQUEST_SECONDS),
        maxsize=8,
        retries=urllib3.Retry(total=2, connect=2, read=0, status=0, other=0, backoff_factor=0.2),
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
