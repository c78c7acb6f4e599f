"""The last known good weights on local disk, so that a restart survives a store that is down."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from include.contract.names import is_name
from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError

log = structlog.get_logger("allot.serving")


def keep(path: Path, body: bytes) -> None:
    """Replace a file in one step.

    Raises
    ------
    OSError
        If the disk refuses; what stood there before stays.
    """
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def kept(path: Path) -> list[list[Any]]:
    """Read a file of JSON rows; a file that is missing or damaged holds none."""
    try:
        rows = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        log.warning("a kept file cannot be read", file=path.name, error=str(error))
        return []
    return rows if isinstance(rows, list) else []


class SnapshotFolder:
    """One file per experiment: its pointer's line, then the snapshot as published.

    Parameters
    ----------
    folder
        Created when it is missing; private to this user.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, published: Published) -> None:
        """Replace the experiment's file in one step.

        Raises
        ------
        OSError
            If the disk refuses; what stood there before stays.
        """
        body = published.pointer().head() + b"\n" + published.value()
        keep(self._path(published.content.experiment), body)

    def load(self) -> Iterator[Published | DamagedSnapshotError]:
        """Yield every snapshot that was kept, or why a file cannot be used."""
        for path in sorted(self._folder.glob("*.weights")):
            if not is_name(path.stem):
                continue
            head, _, value = path.read_bytes().partition(b"\n")
            try:
                yield Published.from_value(Pointer.from_head(path.stem, head), value)
            except DamagedSnapshotError as error:
                yield error

    def _path(self, experiment: str) -> Path:
        return self._folder / f"{experiment}.weights"
