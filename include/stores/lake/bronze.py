"""Bronze: the bytes as they came, named by their SHA-256, with a manifest beside them."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from include.contract.canonical import canonical_json
from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.source_file import Fingerprint, VerifyingReader, fingerprint
from include.stores.lake.storage import ensure_bucket, object_client

if TYPE_CHECKING:
    from minio import Minio

# Three parts are in flight at once, each held in memory.
PART_BYTES: Final = 16 * 1024 * 1024
DECISION_LOG: Final = "decision_log"


@dataclass(frozen=True, slots=True)
class BronzeObject:
    """One immutable object of bronze, as its manifest describes it.

    Attributes
    ----------
    dataset, part, behavior_policy
        Where it came from, as ``open_bandit``, ``men``, ``random``.
    sha256
        Of its bytes.
    size
        In bytes.
    rows
        Lines below the header.
    source_name
        Source and place within it of the file that first brought these bytes.
    etag
        As S3 answered it.
    first_seen
        When these bytes came first, ISO 8601 in UTC.
    suffix
        Of the key, by the format.
    """

    dataset: str
    part: str
    behavior_policy: str
    sha256: str
    size: int
    rows: int
    source_name: str
    etag: str
    first_seen: str
    suffix: str = ".csv"

    @property
    def key(self) -> str:
        """Return the key of the bytes; the manifest's is the same with ``.manifest.json``."""
        key = object_key(self.dataset, self.part, self.behavior_policy, self.sha256)
        return key.removesuffix(".csv") + self.suffix

    @property
    def source(self) -> str:
        """Return the source as silver names it, as ``open_bandit-men`` or an experiment's slug."""
        if self.dataset == DECISION_LOG:
            return self.part
        return f"{self.dataset}-{self.part}"


def object_key(dataset: str, part: str, behavior_policy: str, sha256: str) -> str:
    """Return the key of an object's bytes."""
    return f"{dataset}/{part}/{behavior_policy}/{sha256}.csv"


def put_file(
    settings: Settings,
    path: Path,
    dataset: str,
    part: str,
    behavior_policy: str,
    *,
    source_name: str,
    now: datetime,
) -> tuple[BronzeObject, bool]:
    """Store a file in bronze, unless its bytes are there already.

    Parameters
    ----------
    settings
        Where the lake is.
    path
        The file.
    dataset, part, behavior_policy
        What it holds.
    source_name
        What people call it: reports show this, not the path on this machine.
    now
        When it came.

    Returns
    -------
    object, stored
        The object's manifest, and whether this call brought it.

    Raises
    ------
    SourceError
        If the file is missing or empty.
    SourceChangedError
        If the file changes while it is read; nothing of it is kept.
    """
    client = object_client(settings)
    ensure_bucket(client, settings.bronze_bucket)
    seen = fingerprint(path)
    key = object_key(dataset, part, behavior_policy, seen.sha256)
    known = read_manifest(settings, key)
    if known is not None:
        return known, False
    etag = _put_bytes(client, settings.bronze_bucket, key, path, seen)
    manifest = BronzeObject(
        dataset=dataset,
        part=part,
        behavior_policy=behavior_policy,
        sha256=seen.sha256,
        size=seen.size,
        rows=seen.lines - 1,
        source_name=source_name,
        etag=etag,
        first_seen=now.isoformat(),
    )
    if put_if_absent(client, settings, f"{key}.manifest.json", canonical_json(asdict(manifest))):
        return manifest, True
    # Another process stored the same bytes meanwhile; its manifest stands.
    first = read_manifest(settings, key)
    if first is None:
        raise LakeError(f"manifest of {key} vanished from {settings.bronze_bucket}; run again")
    return first, False


def read_manifest(settings: Settings, key: str) -> BronzeObject | None:
    """Return the manifest of an object, or None where there is none."""
    from minio.error import S3Error

    client = object_client(settings)
    try:
        response = client.get_object(settings.bronze_bucket, f"{key}.manifest.json")
    except S3Error as error:
        if error.code in {"NoSuchKey", "NoSuchBucket"}:
            return None
        raise
    with response:
        document: dict[str, Any] = json.loads(response.read())
    return BronzeObject(**document)


@contextmanager
def open_object(settings: Settings, key: str) -> Iterator[BinaryIO]:
    """Open the bytes of an object for streaming."""
    response = object_client(settings).get_object(settings.bronze_bucket, key)
    try:
        yield cast("BinaryIO", response)
    finally:
        # Reading may end early; the rest of the body is then still on the connection.
        response.close()
        response.release_conn()


def _put_bytes(client: "Minio", bucket: str, key: str, path: Path, seen: Fingerprint) -> str:
    with path.open("rb") as file:
        result = client.put_object(
            bucket,
            key,
            cast("BinaryIO", VerifyingReader(file, path, seen)),
            seen.size,
            content_type="text/csv",
            part_size=PART_BYTES if seen.size > PART_BYTES else 0,
        )
    return result.etag or ""


def put_if_absent(client: "Minio", settings: Settings, key: str, content: bytes) -> bool:
    """Create an object with If-None-Match, and tell whether this call did."""
    import urllib3

    # The client's own put takes no conditional header; a presigned request does.
    url = client.presigned_put_object(settings.bronze_bucket, key, expires=timedelta(seconds=60))
    response = urllib3.request(
        "PUT",
        url,
        body=io.BytesIO(content),
        headers={
            "If-None-Match": "*",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
        },
        timeout=settings.timeout_seconds,
        retries=False,
    )
    if response.status in {409, 412}:
        return False
    if response.status != 200:
        raise LakeError(
            f"S3 answered {response.status} when storing {key} in {settings.bronze_bucket}; "
            "look at `make status`, then run the task again"
        )
    return True
