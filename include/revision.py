"""Which revision of the code runs: kept beside everything that it computes."""

from pathlib import Path
from typing import Final

from include.settings import Settings

ROOT: Final = Path(__file__).parents[1]
UNKNOWN: Final = "unknown"


def code_revision(settings: Settings, root: Path = ROOT) -> str:
    """Return the commit that is checked out, or what the settings say where there is no .git.

    It is read from the files, so that no task needs git itself; ``unknown`` where
    neither says it. Changes that were not committed are not seen.
    """
    if settings.code_revision:
        return settings.code_revision
    git = root / ".git"
    head = git / "HEAD"
    if not head.is_file():
        return UNKNOWN
    kind, _, name = head.read_text("utf-8").strip().partition(" ")
    if kind != "ref:":
        return kind
    loose = git / name
    if loose.is_file():
        return loose.read_text("utf-8").strip()
    packed = git / "packed-refs"
    lines = packed.read_text("utf-8").splitlines() if packed.is_file() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), UNKNOWN)
