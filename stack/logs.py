"""Logs of the parts: the last lines, or as they come."""

import subprocess
import sys

from include.errors import StackError
from stack.platform import Stack, tail


def show_logs(stack: Stack, names: list[str], *, follow: bool, lines: int) -> int:
    """Print the ends of the chosen logs (all by default); with `follow`, go on until interrupted.

    Raises
    ------
    StackError
        When a name is no part, or nothing has been logged yet.
    """
    unknown = [name for name in names if name not in stack.parts]
    if unknown:
        raise StackError(f"no part is called {unknown[0]!r}; there are {', '.join(stack.parts)}")
    paths = [stack.config.folder("log") / f"{name}.log" for name in names or stack.parts]
    found = [path for path in paths if path.exists()]
    if not found:
        raise StackError("there are no logs yet; start the stack with `make up`")
    if follow:
        return subprocess.run(
            ["tail", "-n", str(lines), "-F", *map(str, found)], check=False
        ).returncode
    for path in found:
        sys.stdout.write(f"==> {path} <==\n{tail(path, lines)}\n")
    return 0
