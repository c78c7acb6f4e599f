"""Upgrade: the old environment saves and stops, the new one migrates and starts."""

import json
import re
import subprocess
from pathlib import Path

from include.errors import StackError
from stack.backup.restore import restore
from stack.backup.save import PART, backup
from stack.parts.postgres import binary
from stack.platform import Stack
from stack.secrets import write_private


def prepare(stack: Stack) -> Path:
    """Stop whatever writes, back the databases up, stop PostgreSQL; return the backup.

    This runs in the old environment, whose PostgreSQL can read its own data.
    """
    if stack.supervisor.alive():
        stack.down(keep=(PART,))
    folder = backup(stack)
    stack.down()
    write_private(_mark(stack), json.dumps({"backup": str(folder)}))
    return folder


def upgrade(stack: Stack) -> Path:
    """Bring the stopped stack's databases to this environment's versions; return the backup.

    Schemas are migrated when the stack starts. Where the data are of another major version of
    PostgreSQL, they are moved aside and loaded anew from the backup.

    Raises
    ------
    StackError
        If `prepare` did not run, or the stack has been used since.
    """
    mark = _mark(stack)
    if not mark.exists():
        raise StackError("no backup was made for this upgrade; run `make upgrade`")
    if stack.supervisor.alive():
        raise StackError("the stack was started after its backup; run `make upgrade` again")
    folder = Path(json.loads(mark.read_text())["backup"])
    if data_major(stack) != program_major():
        restore(stack, folder, replace=True)
    mark.unlink()
    return folder


def data_major(stack: Stack) -> int:
    """Return the major version of PostgreSQL that wrote the data."""
    return int((stack.config.folder(PART) / "data" / "PG_VERSION").read_text())


def program_major() -> int:
    """Return the major version of PostgreSQL's programs in this environment."""
    said = subprocess.run(
        [binary("postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\d+", said)
    if found is None:
        raise StackError(f"PostgreSQL does not say its version: {said!r}")
    return int(found.group())


def _mark(stack: Stack) -> Path:
    return stack.config.run_dir / "upgrade.json"
