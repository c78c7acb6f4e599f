"""Checking an object of bronze before its rows: columns, and that there are rows."""

from collections import Counter
from typing import BinaryIO

from include.expectations.checks import Checker, Tally, add_up
from include.expectations.suites import bronze_suite
from include.stores.lake.log_reader import read_header


def check_columns(
    stream: BinaryIO, columns: tuple[str, ...], where: str
) -> dict[tuple[str, str], Tally]:
    """Run the bronze suite on the head of an object.

    Parameters
    ----------
    stream
        At the first byte.
    columns
        As declared; the first may have no name.
    where
        Names the file in errors.

    Raises
    ------
    SourceError
        If the first line is no header at all.
    """
    import pandas as pd

    header = _named(read_header(stream, where))
    rows = [[""] * len(header)] if stream.read(1) else []
    tallies: dict[tuple[str, str], Tally] = {}
    checker = Checker(bronze_suite(_named(columns)))
    add_up(tallies, checker.run(pd.DataFrame(rows, columns=list(header))))
    return tallies


def describe_failures(tallies: dict[tuple[str, str], Tally]) -> str:
    """Say which expectations failed and what was found instead; empty if none did."""
    return "; ".join(
        f"{tally.name} ({tally.says})" + "".join(f": {text}" for text in tally.observed)
        for tally in tallies.values()
        if not tally.success
    )


def _named(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Give the nameless first column a name, and repeated columns different ones."""
    seen: Counter[str] = Counter()
    names = []
    for column in columns:
        name = column or "row_index"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)
