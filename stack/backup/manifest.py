"""What a backup holds, and whether it still holds it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from include.errors import StackError

FORMAT = "allot.backup/1"
NAME = "manifest.json"
NEEDED = "allot"
"""The database without which nothing can be restored; the others can be made anew."""


class Dump(BaseModel):
    """One database in a file of `pg_dump`'s custom format."""

    model_config = ConfigDict(frozen=True)

    database: str
    file: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What stood in PostgreSQL at one instant.

    Attributes
    ----------
    format
        Of this manifest.
    created_at
        When the backup was begun (ISO 8601, UTC).
    code_revision
        Of the code that wrote it.
    postgres
        Version of PostgreSQL.
    next_xid
        Transaction id (with its epoch) that came next. The log is exported by transaction ids,
        so whatever this backup is restored into has to go on above it.
    migrations
        Numbered migrations that were applied to Allot's own database.
    heads
        Newest weights version per experiment, as ``v12 <content hash>``.
    rows
        Rows per table of Allot's own database.
    dumps
        The files beside the manifest.
    """

    model_config = ConfigDict(frozen=True)

    format: str = FORMAT
    created_at: str
    code_revision: str
    postgres: str
    next_xid: int
    migrations: list[str]
    heads: Mapping[str, str]
    rows: Mapping[str, int]
    dumps: list[Dump]


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verified(folder: Path) -> Manifest:
    """Read a backup's manifest, and check every file against it.

    Raises
    ------
    StackError
        Naming what is missing or differs; nothing is to be restored from it then.
    """
    path = folder / NAME
    if not path.is_file():
        raise StackError(f"{folder} is no backup: it has no {NAME}; name a folder of `make backup`")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StackError(f"{path} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise StackError(f"{path} is of format {manifest.format!r}, this code reads {FORMAT!r}")
    for dump in manifest.dumps:
        _check(folder / dump.file, dump)
    if NEEDED not in {dump.database for dump in manifest.dumps}:
        raise StackError(f"{folder} has no dump of the database {NEEDED!r}")
    return manifest


def _check(path: Path, dump: Dump) -> None:
    if not path.is_file():
        raise StackError(f"{path} is missing; the backup is not whole")
    if path.stat().st_size != dump.bytes or digest(path) != dump.sha256:
        raise StackError(f"{path} is not what the manifest says; the backup is damaged")
