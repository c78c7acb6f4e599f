"""Run the embedded stack: ``python -m stack up | down | status | logs | backup | restore | …``."""

import argparse
import json
import os
import sys

from rich.console import Console

from include.errors import AllotError
from stack.backup.commands import add_commands
from stack.config import StackConfig
from stack.environment import base_environment, write_lines
from stack.logs import show_logs
from stack.parts import postgres
from stack.platform import Stack
from stack.progress import StartProgress
from stack.status import as_table, status


def _up(stack: Stack, arguments: argparse.Namespace) -> int:
    console = Console()
    with StartProgress(console) as progress:
        begun = stack.up(arguments.parts or None, progress=progress)
    said = f"up after {progress.seconds:.1f} s" if begun else "already up"
    console.print(f"[bold]Allot is {said}.[/] `make status` says what runs where.")
    return 0


def _down(stack: Stack, _: argparse.Namespace) -> int:
    stack.down()
    Console().print("Allot is down; its state stays in", str(stack.config.state_dir))
    return 0


def _restart(stack: Stack, arguments: argparse.Namespace) -> int:
    with StartProgress(Console()) as progress:
        stack.restart(arguments.part, progress)
    return 0


def _status(stack: Stack, arguments: argparse.Namespace) -> int:
    rows = status(stack)
    if arguments.json:
        sys.stdout.write(json.dumps([row.as_json() for row in rows], indent=1) + "\n")
    else:
        Console().print(as_table(rows))
    return 0 if all(row.healthy for row in rows) else 1


def _logs(stack: Stack, arguments: argparse.Namespace) -> int:
    return show_logs(stack, arguments.parts, follow=arguments.follow, lines=arguments.lines)


def _env(stack: Stack, _: argparse.Namespace) -> int:
    sys.stdout.write(write_lines(stack.environment))
    return 0


def _run(stack: Stack, arguments: argparse.Namespace) -> int:
    words = [word for word in arguments.command[:1] if word != "--"] + arguments.command[1:]
    command = words or [os.environ.get("SHELL", "sh")]
    given = {**os.environ, "PATH": base_environment()["PATH"], **stack.environment}
    try:
        os.execvpe(command[0], command, given)  # noqa: S606
    except FileNotFoundError:
        sys.stderr.write(f"there is no command {command[0]!r}\n")
        return 127


def _psql(stack: Stack, arguments: argparse.Namespace) -> int:
    command = [postgres.binary("psql"), stack.environment["ALLOT_READER_DATABASE_URL"]]
    command += ["-c", arguments.query] if arguments.query else []
    os.execve(command[0], command, {**os.environ, **stack.environment})  # noqa: S606


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(required=True)
    up = commands.add_parser("up", help="start what does not run, and wait until all is healthy")
    up.add_argument("parts", nargs="*", help="default: all; what they need is started, too")
    up.set_defaults(function=_up)
    commands.add_parser("down", help="stop everything").set_defaults(function=_down)
    restart = commands.add_parser("restart", help="stop and start one part")
    restart.add_argument("part")
    restart.set_defaults(function=_restart)
    shown = commands.add_parser("status", help="what runs where; exit code 0 when all is healthy")
    shown.add_argument("--json", action="store_true")
    shown.set_defaults(function=_status)
    logs = commands.add_parser("logs", help="last lines of all logs, or of some")
    logs.add_argument("parts", nargs="*")
    logs.add_argument("-f", "--follow", action="store_true")
    logs.add_argument("-n", "--lines", type=int, default=20)
    logs.set_defaults(function=_logs)
    commands.add_parser("env", help="the environment as shell lines").set_defaults(function=_env)
    psql = commands.add_parser("psql", help="query the reports in PostgreSQL, as a reader")
    psql.add_argument("query", nargs="?", help="default: ask for queries")
    psql.set_defaults(function=_psql)
    add_commands(commands)
    run = commands.add_parser("run", help="run a command (default: a shell) in that environment")
    run.add_argument("command", nargs=argparse.REMAINDER)
    run.set_defaults(function=_run)
    return parser


def main() -> int:
    """Do what the command line says; an error that was foreseen is one message, no traceback."""
    arguments = _parser().parse_args()
    try:
        code: int = arguments.function(Stack(StackConfig(), os.environ), arguments)
    except AllotError as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False, markup=True)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
