"""Small logs of the Open Bandit Dataset's shape that tests can spoil line by line."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from include.bandit.open_bandit import FIRST_DAY, ITEM_COLUMNS, Log, columns_of

MEN_RANDOM = Log("men", "random")
MEN_BTS = Log("men", "bts")


def good_lines(rows: int, log: Log = MEN_RANDOM) -> list[str]:
    """Valid lines, a minute apart, items and positions in turn, every tenth one clicked."""
    propensity = repr(1 / log.items) if log.behavior_policy == "random" else "0.02"
    affinities = ",".join(["0.0"] * log.items)
    return [
        f"{row},{FIRST_DAY + timedelta(minutes=row, microseconds=1)},{row % log.items},"
        f"{row % 3 + 1},{int(row % 10 == 0)},{propensity},a,b,c,d,{affinities}"
        for row in range(rows)
    ]


def with_field(line: str, index: int, value: str) -> str:
    """Replace one field of a line."""
    fields = line.split(",")
    fields[index] = value
    return ",".join(fields)


def write_log(root: Path, lines: Sequence[str], log: Log = MEN_RANDOM) -> Path:
    """Write a log and its item features in the release's layout; return the log's path."""
    text = "\n".join([",".join(columns_of(log.items)), *lines]) + "\n"
    return write_bytes(root, text.encode(), log)


def write_bytes(root: Path, content: bytes, log: Log = MEN_RANDOM) -> Path:
    """Write any bytes where a log should be, with sound item features beside it."""
    path = log.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    items = [f"{item},{item},0.5,x,y,z" for item in range(log.items)]
    log.item_context_path(root).write_text("\n".join([",".join(ITEM_COLUMNS), *items]) + "\n")
    return path
