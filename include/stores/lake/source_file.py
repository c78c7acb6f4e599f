"""Reading a file that somebody else may be writing."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from include.errors import SourceChangedError, SourceError

READ_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of a file's content after reading it once.

    Attributes
    ----------
    sha256
        Of all bytes, in hex.
    size
        In bytes.
    lines
        Lines, the last one also where its newline is missing.
    """

    sha256: str
    size: int
    lines: int


def fingerprint(path: Path) -> Fingerprint:
    """Read a file once and name its content.

    Raises
    ------
    SourceError
        If the file is missing, unreadable or empty.
    SourceChangedError
        If it changed meanwhile.
    """
    digest, size, lines, last = hashlib.sha256(), 0, 0, b"\n"
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            while chunk := file.read(READ_BYTES):
                digest.update(chunk)
                size += len(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
            _refuse_change(path, before, size)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}. Check the folder.") from error
    if size == 0:
        raise SourceError(f"{path} is empty: deliver the file anew.")
    return Fingerprint(digest.hexdigest(), size, lines + (last != b"\n"))


class VerifyingReader:
    """A file whose last byte is handed out only if all bytes are still the expected ones.

    An upload that reads through it is broken off before it becomes visible, so that
    changed bytes never stand under the name of others.

    Raises
    ------
    SourceChangedError
        On the read that would complete the file, if its content is another one.
    """

    def __init__(self, file: BinaryIO, path: Path, expected: Fingerprint) -> None:
        self._file, self._path, self._expected = file, path, expected
        self._digest = hashlib.sha256()
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes."""
        chunk = self._file.read(size)
        self._digest.update(chunk)
        self._read += len(chunk)
        if self._read >= self._expected.size or not chunk:
            self._verify()
        return chunk

    def _verify(self) -> None:
        ended = self._read == self._expected.size and not self._file.read(1)
        if not ended or self._digest.hexdigest() != self._expected.sha256:
            raise changed(self._path)


def changed(path: Path) -> SourceChangedError:
    """Return the error for a file that changed while it was read."""
    return SourceChangedError(
        f"{path} changed while it was read: somebody still writes it. Nothing of it was kept; "
        "run the task again once the delivery is complete (write to another name, then rename)."
    )


def _refuse_change(path: Path, before: os.stat_result, size: int) -> None:
    after = path.stat()
    same = (before.st_ino, before.st_size, before.st_mtime_ns) == (
        after.st_ino,
        after.st_size,
        after.st_mtime_ns,
    )
    if not same or size != after.st_size:
        raise changed(path)
