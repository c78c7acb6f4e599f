"""Restore: a backup in place of what a state folder has, which is kept aside."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from include.errors import StackError
from include.stores.reports.migrate import SQL
from stack.backup.manifest import NEEDED, Manifest, verified
from stack.backup.programs import run, run_on_files
from stack.backup.save import heads, row_counts
from stack.init import allot_schema
from stack.parts.postgres import admin_url
from stack.platform import Stack

EPOCH = 2**32
OWNERS = {"allot": "allot", "airflow": "airflow", "mlflow": "mlflow"}


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes
    ----------
    manifest
        Of the backup.
    aside
        Folder of the data that stood there before; ``None`` where there was none.
    healed
        What was put right in the weights store, per experiment.
    """

    manifest: Manifest
    aside: Path | None
    healed: dict[str, tuple[str, ...]]


def restore(stack: Stack, folder: Path, *, replace: bool = False) -> Restored:
    """Restore a backup, bring its schema up to this code, and heal the weights store from it.

    PostgreSQL and the weights store run afterwards. What stood in the state folder is moved
    aside, never deleted.

    Parameters
    ----------
    stack
        A stack that does not run, and has no data of its own.
    folder
        The backup.
    replace
        Whether a stack that runs, or has data, may be stopped and replaced.

    Raises
    ------
    StackError
        If the backup is damaged or of newer code, or the stack is in use and may not be replaced;
        nothing was touched then. Or if a step failed: then the data stand aside, as it says.
    """
    manifest = verified(folder)
    _check_readable(manifest)
    data = stack.config.folder("postgres") / "data"
    if not replace:
        _refuse_use(stack, data)
    stack.down()
    aside = _move_aside(data)
    try:
        _load(stack, folder, manifest)
    except StackError as error:
        where = f"; what stood there before is in {aside}" if aside else ""
        raise StackError(f"{folder} is not restored: {error}{where}") from error
    return Restored(manifest, aside, _heal(stack))


def _check_readable(manifest: Manifest) -> None:
    known = {path.stem for path in (SQL / "schema").glob("*.sql")}
    newer = sorted(set(manifest.migrations) - known)
    if newer:
        raise StackError(
            f"the backup was made by newer code ({manifest.code_revision}), with the migrations "
            f"{', '.join(newer)}; restore it with that code"
        )


def _refuse_use(stack: Stack, data: Path) -> None:
    if stack.supervisor.alive():
        raise StackError(
            "the stack is running; stop it with `make down`, or say REPLACE=yes to have it stopped "
            "and its databases moved aside"
        )
    if data.exists():
        raise StackError(
            f"{data} holds databases; say REPLACE=yes to have them moved aside, or restore into "
            "another folder with ALLOT_STATE_DIR"
        )


def _move_aside(data: Path) -> Path | None:
    if not data.exists():
        return None
    mark = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return data.rename(data.with_name(f"data.before-{mark}"))


def _load(stack: Stack, folder: Path, manifest: Manifest) -> None:
    # A fresh cluster, so that roles and passwords are this state folder's own.
    stack.up(["postgres"], ["databases"])
    _go_on_above(stack, manifest.next_xid)
    for dump in manifest.dumps:
        owner = OWNERS.get(dump.database)
        if owner is None:
            continue
        run(
            stack, "pg_restore", "--no-owner", f"--role={owner}", "--single-transaction",
            "--exit-on-error", f"--dbname={dump.database}", str(folder / dump.file),
        )  # fmt: skip
    _check_loaded(stack, manifest)
    allot_schema(stack.environment)


def _go_on_above(stack: Stack, next_xid: int) -> None:
    """Let the cluster's transaction ids go on above those that stand in the log's rows.

    A new cluster counts from the beginning: records written after the restore would lie below
    the range that was exported last, and never reach the lake. The epoch of the ids is stored
    nowhere but in the cluster's control file, where it may be set to any value.
    """
    with psycopg.connect(admin_url(stack.config, stack.secrets)) as connection:
        row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        if row.fetchall()[0][0] > next_xid:
            return
    stack.down()
    data = stack.config.folder("postgres") / "data"
    run_on_files("pg_resetwal", "-e", str(next_xid // EPOCH + 1), "-D", str(data))
    stack.up(["postgres"], [])


def _check_loaded(stack: Stack, manifest: Manifest) -> None:
    with psycopg.connect(admin_url(stack.config, stack.secrets, NEEDED)) as connection:
        found, rows = heads(connection), row_counts(connection)
    if found != dict(manifest.heads) or rows != dict(manifest.rows):
        wrong = {
            name
            for name in rows.keys() | manifest.rows
            if rows.get(name) != manifest.rows.get(name)
        }
        raise StackError(
            "what was loaded is not what the manifest says: "
            f"{', '.join(sorted(wrong)) or 'other weights versions are the newest'}"
        )


def _heal(stack: Stack) -> dict[str, tuple[str, ...]]:
    from include.tasks.reconcile import reconcile_all  # noqa: PLC0415

    # Replicas never step back by themselves, so what they kept of newer versions has to go.
    for kept in stack.config.folder("serving").glob("*.weights"):
        kept.unlink()
    stack.up(["postgres", "store"], [])
    return {
        healing.experiment: healing.damage
        for healing in reconcile_all(stack.settings)
        if healing.damage
    }
