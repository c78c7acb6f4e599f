"""A stack to break: proxies that can lose replies between its parts, small disks beneath them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psutil

from faults.lossy_proxy import LossyProxy, lossy_proxy
from include.settings import Settings
from stack.assembly import SERVICE_STEPS, SERVICES
from stack.platform import Stack
from stack.temporary import temporary_config

HOST: Final = "127.0.0.1"
WORKERS: Final = 2
# Enough for the load, little enough to be filled in a moment.
DISK_MEGABYTES: Final = {"postgres": 1024, "store": 128, "s3": 1024, "serving": 64}
BALLAST: Final = "ballast"


@dataclass
class Losing:
    """Decides which replies are lost: while switched on, that to every n-th chunk with a marker."""

    marker: bytes
    nth: int
    on: bool = False
    seen: int = 0

    def __call__(self, chunk: bytes) -> bool:
        """Tell whether the reply to a chunk is lost."""
        if not self.on or self.marker not in chunk:
            return False
        self.seen += 1
        return self.seen % self.nth == 0


LOSING: Final = {
    "postgres": (b"", 25),
    "store": (b"", 5),
    "s3": (b"PUT ", 2),
    "api": (b"POST ", 5),
}


@dataclass(frozen=True)
class Ground:
    """A running stack, and the ways to break it.

    Attributes
    ----------
    direct
        Settings that reach the parts without a proxy: who checks must not be lied to.
    settings
        Those of the stack itself.
    url
        The API as clients reach it.
    """

    stack: Stack
    direct: Settings
    settings: Settings
    url: str
    losing: dict[str, Losing] = field(repr=False)
    proxies: dict[str, LossyProxy] = field(repr=False)

    @property
    def spool(self) -> Path:
        """Where the API keeps records while the database is away."""
        return self.stack.config.folder("serving") / "spool"

    def processes(self, part: str) -> list[psutil.Process]:
        """Every process of a part, its first one first."""
        record = self.stack.supervisor.record(part)
        if record is None:
            return []
        try:
            leader = psutil.Process(record["leader"])
            # PostgreSQL's backends have left its process group.
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def disk(self, part: str) -> Path:
        """Return the folder of a part that may be a disk of its own."""
        return self.stack.config.folder(part)


@contextmanager
def ground(
    folder: Path, small_disk: str | None = None, *, airflow: bool = False
) -> Iterator[Ground]:
    """Run a stack of its own in a folder; everything ends with the block.

    Parameters
    ----------
    folder
        Empty.
    small_disk
        Part whose folder is a disk of its own, which needs root.
    airflow
        Whether to start everything, or what serving needs and S3.
    """
    config = temporary_config(folder / "state", serving_workers=WORKERS)
    plain = Stack(config)
    with ExitStack() as over:
        if small_disk is not None:
            over.enter_context(mounted(config.folder(small_disk), DISK_MEGABYTES[small_disk]))
        losing = {part: Losing(*how) for part, how in LOSING.items()}
        ports = {
            "postgres": config.postgres_port, "store": config.store_port, "s3": config.s3_port,
            "api": config.serving_port,
        }  # fmt: skip
        proxies = {
            part: over.enter_context(lossy_proxy((HOST, ports[part]), losing[part]))
            for part in losing
        }
        stack = Stack(config, _overrides(plain.environment, proxies))
        over.callback(stack.supervisor.end_leftovers)
        if airflow:
            stack.up(owner=os.getpid())
        else:
            stack.up((*SERVICES, "serving"), SERVICE_STEPS, owner=os.getpid())
        url = f"http://{HOST}:{proxies['api'].port}"
        yield Ground(stack, plain.settings, stack.settings, url, losing, proxies)


def _overrides(environment: dict[str, str], proxies: dict[str, LossyProxy]) -> dict[str, str]:
    def through(url: str, part: str) -> str:
        parts = urlsplit(url)
        place = f"{parts.netloc.rpartition('@')[0]}@{HOST}:{proxies[part].port}"
        return parts._replace(netloc=place).geturl()

    return {
        "ALLOT_DATABASE_URL": through(environment["ALLOT_DATABASE_URL"], "postgres"),
        "ALLOT_STORE_URL": through(environment["ALLOT_STORE_URL"], "store"),
        "ALLOT_S3_ENDPOINT": f"{HOST}:{proxies['s3'].port}",
    }


@contextmanager
def mounted(folder: Path, megabytes: int) -> Iterator[None]:
    """Make a folder a disk of its own, in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        # Lazily: whatever still ends with the stack may have a file open.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def may_mount() -> bool:
    """Tell whether disks of our own can be made here."""
    if os.geteuid() != 0:
        return False
    return subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True, check=False,
    ).returncode == 0  # fmt: skip


def fill(folder: Path) -> None:
    """Leave no room on a disk."""
    # Unbuffered: what found no room would else be written, and fail, once more at the end.
    with (folder / BALLAST).open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass


def make_room(folder: Path) -> None:
    """Give the room back."""
    (folder / BALLAST).unlink()
