"""Records on local disk while the database is away: one fsync'd file per group, shipped later."""

import hashlib
import itertools
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

SUFFIX = ".spool"
REFUSED = ".refused"
DAMAGED = ".damaged"
SHIPMENT = 5_000
log = structlog.get_logger("allot.serving")


class Shipment(NamedTuple):
    """Files to ship together, with their records as JSON lines."""

    files: list[Path]
    lines: list[bytes]


class Spool:
    """A folder of files that are each complete or not there; every worker may ship any of them.

    A failed fsync is never repeated on the same file, since the second would "succeed" without
    the data: the file is given up, and what was not acknowledged is written anew or refused.

    Parameters
    ----------
    folder
        Created when it is missing; private to this user.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._serial = itertools.count()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, lines: Sequence[bytes], suffix: str = SUFFIX) -> None:
        """Keep a group of records; when this returns they survive a power loss.

        Raises
        ------
        OSError
            If the disk refuses; nothing of the group is kept then.
        """
        stem = f"{time.time_ns():020d}-{os.getpid()}-{next(self._serial)}-{len(lines)}"
        final, draft = self._folder / (stem + suffix), self._folder / (stem + ".tmp")
        body = b"\n".join(lines) + b"\n"
        try:
            with draft.open("xb") as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(final)
            self._sync()
        except OSError:
            for path in (draft, final):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            raise

    def depth(self, suffix: str = SUFFIX) -> int:
        """Return how many records wait."""
        return sum(_count(path) for path in self._folder.glob(f"*{suffix}"))

    def oldest(self) -> Shipment:
        """Return the oldest files with up to 5,000 records together, none if there are none."""
        files: list[Path] = []
        lines: list[bytes] = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if files and len(lines) + _count(path) > SHIPMENT:
                break
            found = self._read(path)
            if found is not None:
                files.append(path)
                lines += found
        return Shipment(files, lines)

    def shipped(self, files: Iterable[Path], refused: Sequence[bytes]) -> None:
        """Forget files whose records the database holds; keep those that it refused aside."""
        if refused:
            self.write(refused, REFUSED)
        for path in files:
            path.unlink(missing_ok=True)
        self._sync()

    def _read(self, path: Path) -> list[bytes] | None:
        try:
            head, _, body = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            # Another worker has shipped it meanwhile.
            return None
        if hashlib.sha256(body).hexdigest().encode() != head:
            log.error("a spooled file is damaged and kept aside", file=path.name)
            path.rename(path.with_suffix(DAMAGED))
            return None
        return body.splitlines()

    def _sync(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _count(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
