"""The table with which a task's log ends: what was read, refused and written."""

import logging
from collections.abc import Mapping, Sequence


def summary_table(title: str, rows: Sequence[Mapping[str, object]]) -> str:
    """Lay rows out as a table of plain text; numbers with thousands, to the right.

    Parameters
    ----------
    title
        Stands above the table.
    rows
        Column to value; all rows have the columns of the first.
    """
    if not rows:
        return f"{title}: nothing"
    names = list(rows[0])
    cells = [[_text(row[name]) for name in names] for row in rows]
    widths = [
        max(len(name), *(len(line[index]) for line in cells)) for index, name in enumerate(names)
    ]
    numeric = [isinstance(rows[0][name], int | float) for name in names]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in [names, ["─" * width for width in widths], *cells]
    ]
    return "\n".join([title, *lines])


def log_summary(logger: logging.Logger, title: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Log a summary table, one record per line, so that no log viewer folds it."""
    for line in summary_table(title, rows).splitlines():
        logger.info("%s", line)


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    # A line break of a foreign text would forge a line of the log.
    return str(value).replace("\r", "\\r").replace("\n", "\\n")
