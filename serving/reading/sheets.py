"""Rows as CSV that a spreadsheet opens without running anything."""

import csv
import io
from collections.abc import Iterable
from typing import Final

# What spreadsheets take for the start of a formula, also in its full-width form.
ACTIVE: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")


def inert(value: object) -> object:
    """Return a text that no spreadsheet runs: with an apostrophe in front where it is needed.

    A text that begins with an apostrophe gets one too, so that removing one gives it back.
    Numbers stay numbers, negative ones as well.
    """
    if isinstance(value, str) and value.startswith(ACTIVE):
        return "'" + value
    return value


def csv_lines(rows: Iterable[Iterable[object]]) -> bytes:
    """Return rows as CSV (RFC 4180) in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows([inert(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
