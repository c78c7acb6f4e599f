"""A report as one HTML page: nothing in it is fetched from anywhere."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from include.tasks.report.charts import charts
from include.tasks.report.read import Contents, Table
from include.tasks.report.sections import MOST_ROWS

TEMPLATES: Final = Path(__file__).parent / "templates"
HASH: Final = re.compile(r"^[0-9a-f]{64}$")
# What a reader must not miss, by the words that the views use.
_TONES: Final = {
    "bad": {"fail", "worse", "refused", "failed", "mismatch"},
    "odd": {"warn", "unknown"},
    "good": {"pass", "better", "accepted", "passed", "met", "usable"},
}
_TONED: Final = {"state", "answer", "verdict", "outcome"}


def page(contents: Contents, *, link: str = "") -> str:
    """Return the page.

    Every text from outside is escaped by the template's engine.

    Parameters
    ----------
    contents
        Rows of the views.
    link
        MLflow run of the batch; empty where there is none.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(shown=shown, tone=tone, numeric=numeric)
    figures: dict[str, list[tuple[str, Markup]]] = {}
    for section, told, svg in charts(contents):
        # Matplotlib escapes what it writes into its own SVG.
        figures.setdefault(section, []).append((told, Markup(svg)))  # noqa: S704
    return environment.get_template("report.html.j2").render(
        contents=contents, figures=figures, link=link, most_rows=MOST_ROWS
    )


def shown(value: object) -> str:
    """Return a value as a person reads it.

    Examples
    --------
    >>> shown(0.123456), shown(None), shown(12345), shown(True)
    ('0.1235', '–', '12,345', 'yes')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    # Hashes are named by their beginning, as everywhere.
    return HASH.sub(lambda found: found[0][:12], str(value))


def _number(value: float | Decimal) -> str:
    number = float(value)
    return f"{number:,.0f}" if number.is_integer() and number else f"{number:.4g}"


def numeric(table: Table) -> set[str]:
    """Return the columns of numbers, which are set flush right."""

    def is_number(value: object) -> bool:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)

    return {
        column
        for column in table.section.columns
        if any(is_number(row[column]) for row in table.rows)
    }


def tone(row: Mapping[str, Any], column: str) -> str:
    """Return how a cell is coloured, by what it says: good, odd, bad or nothing."""
    if column == "warning" and row[column]:
        return "bad"
    if column == "mismatch":
        return "bad" if row[column] else ""
    if column not in _TONED:
        return ""
    return next((name for name, words in _TONES.items() if row[column] in words), "")
