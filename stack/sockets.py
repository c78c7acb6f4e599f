"""A folder for unix sockets whose path is short enough for the kernel."""

import hashlib
import os
import tempfile
from pathlib import Path

from include.errors import StackError
from stack.secrets import private_folder

# The kernel cuts socket paths at 107 bytes; names of sockets take up to 20 of them.
LIMIT = 85


def socket_folder(run_dir: Path) -> Path:
    """Return the run folder itself, or for a deep clone a short private folder that stands for it.

    Raises
    ------
    StackError
        When somebody else has the short folder.
    """
    if len(str(run_dir)) <= LIMIT:
        return run_dir
    name = hashlib.sha256(str(run_dir).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"allot-{os.geteuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise StackError(f"{folder} is somebody else's; set ALLOT_STATE_DIR to a shorter path")
    return private_folder(folder)
