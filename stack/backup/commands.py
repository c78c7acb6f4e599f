"""Command lines of backup, restore and upgrade."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from stack.backup.manifest import verified
from stack.backup.restore import restore
from stack.backup.save import backup
from stack.backup.upgrade import prepare, upgrade
from stack.platform import Stack
from stack.progress import StartProgress


def add_commands(commands: Any) -> None:  # noqa: ANN401 - argparse keeps its type to itself
    """Add the subcommands to the stack's."""
    save = commands.add_parser("backup", help="dump PostgreSQL's databases, with a manifest")
    save.add_argument("--to", type=Path, help="default: backups in the state folder")
    save.set_defaults(function=_backup)
    load = commands.add_parser("restore", help="put a backup in place of the databases")
    load.add_argument("backup", type=Path)
    load.add_argument("--replace", action="store_true", help="stop what runs, move data aside")
    load.set_defaults(function=_restore)
    before = commands.add_parser("upgrade-prepare", help="stop all but PostgreSQL, back up, stop")
    before.set_defaults(function=_prepare)
    after = commands.add_parser("upgrade", help="bring the data to this environment, and start")
    after.set_defaults(function=_upgrade)


def _backup(stack: Stack, arguments: argparse.Namespace) -> int:
    _tell_saved(backup(stack, arguments.to))
    return 0


def _tell_saved(folder: Path) -> None:
    manifest = verified(folder)
    size = sum(dump.bytes for dump in manifest.dumps) / 2**20
    console = Console()
    console.print(f"[bold]Saved[/] {', '.join(dump.database for dump in manifest.dumps)}:", end=" ")
    console.print(f"{size:.1f} MB, {len(manifest.heads)} experiments, in", str(folder))
    console.print("The lake (S3) is not in it: see docs/howto/back-up-and-restore.md.")


def _restore(stack: Stack, arguments: argparse.Namespace) -> int:
    done = restore(stack, arguments.backup.expanduser().absolute(), replace=arguments.replace)
    console = Console()
    console.print(f"[bold]Restored[/] what stood there on {done.manifest.created_at}.")
    for experiment, damage in done.healed.items():
        console.print(f"  {experiment}: healed {'; '.join(damage)}")
    if done.aside is not None:
        console.print("The data from before are in", str(done.aside))
    console.print("Units that were erased since then have to be erased again.")
    return _start(stack)


def _prepare(stack: Stack, _: argparse.Namespace) -> int:
    if not (stack.config.folder("postgres") / "data").exists():
        Console().print("There are no databases yet: nothing to save.")
        return 0
    _tell_saved(prepare(stack))
    return 0


def _upgrade(stack: Stack, _: argparse.Namespace) -> int:
    if (stack.config.folder("postgres") / "data").exists():
        Console().print("The databases from before the upgrade are in", str(upgrade(stack)))
    return _start(stack)


def _start(stack: Stack) -> int:
    with StartProgress(Console()) as progress:
        stack.up(progress=progress)
    return 0
