"""PostgreSQL's own programs, run against a stack's cluster."""

import subprocess

from include.errors import StackError
from stack.config import HOST
from stack.environment import base_environment
from stack.parts.postgres import as_ordinary_user, binary
from stack.platform import Stack


def run(stack: Stack, program: str, *arguments: str) -> None:
    """Run a client program as the cluster's owner; the password stays off the command line.

    Raises
    ------
    StackError
        With what the program said.
    """
    connection = {
        "PGHOST": HOST,
        "PGPORT": str(stack.config.postgres_port),
        "PGUSER": "postgres",
        "PGPASSWORD": stack.secrets.postgres_password,
        "PGCONNECT_TIMEOUT": "10",
    }
    _checked([binary(program), "--no-password", *arguments], connection)


def run_on_files(program: str, *arguments: str) -> None:
    """Run a program on a stopped cluster's files, which root may not.

    Raises
    ------
    StackError
        With what the program said.
    """
    _checked([*as_ordinary_user(), binary(program), *arguments], {})


def _checked(command: list[str], added: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env={**base_environment(), **added},
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise StackError(f"{' '.join(command[-3:])} failed with {done.returncode}: {said[-3000:]}")
