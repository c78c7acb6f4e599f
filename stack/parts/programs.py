"""Programs that wheels put beside the interpreter."""

import sys
from pathlib import Path

from include.errors import StackError


def program(name: str) -> str:
    """Path of a program of this environment.

    Raises
    ------
    StackError
        When the environment lacks it.
    """
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise StackError(f"{path} is missing; remove .venv and run `make up`, which installs it")
    return str(path)
