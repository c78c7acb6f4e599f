"""Keys of the API: ``python -m serving.keys create | list | revoke``."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Sequence

from include.contract.names import is_name
from include.errors import AllotError, SettingsError
from serving.keys.key import SCOPES, fresh
from serving.stores.database import REFUSED, Database
from serving.stores.keys import Keys, Listed


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; return the process's exit status."""
    arguments = _parser().parse_args(words)
    try:
        return asyncio.run(_run(arguments))
    except REFUSED as error:
        return _fail(f"refused: {error.diag.message_primary}")
    except AllotError as error:
        return _fail(str(error))


async def _run(arguments: argparse.Namespace) -> int:
    url = os.environ.get("ALLOT_DATABASE_URL")
    if not url:
        raise SettingsError("ALLOT_DATABASE_URL is not set; `make shell` has the stack's settings.")
    keys = Keys(Database(url))
    try:
        if arguments.command == "create":
            return await _create(keys, arguments)
        if arguments.command == "revoke":
            return await _revoke(keys, arguments.key_id)
        return await _list(keys)
    finally:
        await keys.close()


async def _create(keys: Keys, arguments: argparse.Namespace) -> int:
    key = fresh()
    await keys.create(
        key, arguments.name, arguments.scope, arguments.experiment, by=getpass.getuser()
    )
    sys.stderr.write("This key is shown once; keep it where secrets are kept.\n")
    sys.stdout.write(f"{key.token}\n")
    return 0


async def _revoke(keys: Keys, key_id: str) -> int:
    if not await keys.revoke(key_id, by=getpass.getuser()):
        return _fail(f"no key {key_id!r} is in force; `list` shows them")
    sys.stdout.write(f"{key_id} is revoked; every replica refuses it within seconds\n")
    return 0


async def _list(keys: Keys) -> int:
    for listed in await keys.listed():
        sys.stdout.write(_line(listed) + "\n")
    return 0


def _line(listed: Listed) -> str:
    reach = "all experiments" if listed.experiments is None else ",".join(listed.experiments)
    state = "in force" if listed.revoked_at is None else f"revoked {listed.revoked_at:%Y-%m-%d}"
    made = f"{listed.created_at:%Y-%m-%d} by {listed.created_by}"
    return "\t".join(
        (listed.key_id, listed.name, ",".join(listed.scopes), reach, state, f"made {made}")
    )


def _fail(told: str) -> int:
    sys.stderr.write(told + "\n")
    return 1


def _slug(text: str) -> str:
    if not is_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no slug")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving.keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key, and show it once")
    create.add_argument("--name", required=True, help="who uses it; stands in what it submits")
    create.add_argument("--scope", required=True, action="append", choices=SCOPES)
    create.add_argument(
        "--experiment", action="append", type=_slug, help="restrict it to this one (repeatable)"
    )
    commands.add_parser("list", help="show all keys, without their secrets")
    revoke = commands.add_parser("revoke", help="refuse a key from now on")
    revoke.add_argument("key_id", help="the twelve digits after allot_")
    return parser


if __name__ == "__main__":
    sys.exit(main())
