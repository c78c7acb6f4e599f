"""The validation report for people: one self-contained page, readable without a network.

Great Expectations' own data docs load their styles and scripts from a CDN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from include.expectations.checks import Tally

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;color:#1c1e21}
table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d8dadf;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.ok{color:#1a7f37}.warning{color:#9a6700}.critical{color:#b3261e}
code{overflow-wrap:anywhere;font-size:.85em}
"""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An example of a refused row."""

    row_number: int
    expectation: str
    raw: str


def render(
    title: str,
    facts: Iterable[tuple[str, str]],
    tallies: Iterable[Tally],
    refusals: Sequence[Refusal],
) -> str:
    """Render the report; every text of the log is escaped.

    Parameters
    ----------
    title
        Names the log.
    facts
        Name and value, in order.
    tallies
        What every expectation found.
    refusals
        Examples of refused rows.
    """
    rows = "".join(_row([escape(name), f"<code>{escape(value)}</code>"]) for name, value in facts)
    checks = "".join(_check(tally) for tally in tallies)
    examples = "".join(
        _row([str(row.row_number), escape(row.expectation), f"<code>{escape(row.raw)}</code>"])
        for row in refusals
    )
    refused = (
        f"<h2>Refused rows (first {len(refusals)})</h2><table><tr><th>row</th>"
        f"<th>expectation</th><th>as it came</th></tr>{examples}</table>"
        if refusals
        else "<p>No row was refused.</p>"
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><table>{rows}</table>"
        "<h2>Expectations</h2><table><tr><th></th><th>suite</th><th>expectation</th>"
        "<th>says</th><th>checked</th><th>failed</th><th>found instead</th></tr>"
        f"{checks}</table>{refused}</body></html>\n"
    )


def _check(tally: Tally) -> str:
    state = "ok" if tally.success else tally.severity
    found = escape("; ".join(tally.observed))
    return (
        f'<tr><td class="{state}">{state}</td><td>{escape(tally.suite)}</td>'
        f"<td>{escape(tally.name)}</td><td>{escape(tally.says)}</td>"
        f'<td class="n">{tally.evaluated:,}</td><td class="n">{tally.unexpected:,}</td>'
        f"<td><code>{found}</code></td></tr>"
    )


def _row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
