"""Asking Great Expectations about every value once, instead of about every row.

The expectations of rows look at one column each, so equal values get equal answers; and where
a column only has bounds, whatever lies between two accepted values is accepted. A block that
brings no new value costs nothing, and one in which something fails is asked row by row.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from include.expectations.checks import Checker, Finding

if TYPE_CHECKING:
    import polars as pl
    from great_expectations import ExpectationSuite

_NO_ROWS = np.empty(0, np.int64)


@dataclass(slots=True)
class _Column:
    """What stands for the values of a column, and what of it was accepted.

    Attributes
    ----------
    listed
        Whether every distinct value counts; else the extremes do, and whether there is a null.
    bounded
        Whether a value that is not null can be refused for being small or large.
    bounds
        Declared bounds that are allowed themselves: asked about once, so that later values
        between them need not be.
    accepted, refused
        Values that were asked about, and None for a null.
    reach
        Extremes of the accepted values where values are not listed.
    """

    listed: bool = False
    bounded: bool = False
    bounds: list[Any] = field(default_factory=list)
    accepted: set[Any] = field(default_factory=set)
    refused: set[Any] = field(default_factory=set)
    reach: tuple[Any, Any] | None = None

    def values(self, column: "pl.Series") -> list[Any]:
        """Return the values that stand for a block's."""
        if self.listed:
            return list(column.unique())
        extremes = [value for value in (column.min(), column.max()) if value is not None]
        return extremes + [None] * bool(column.null_count())

    def knows(self, value: object) -> bool:
        """Tell whether a value is known to be accepted."""
        if self.listed or value is None or self.reach is None:
            return value in self.accepted
        return not self.bounded or bool(self.reach[0] <= value <= self.reach[1])

    def learn(self, asked: list[Any], refused: set[Any]) -> None:
        """Remember the answers about values."""
        self.refused |= refused
        accepted = [value for value in asked if value not in refused]
        self.accepted.update(value for value in accepted if self.listed or value is None)
        known = [*(value for value in accepted if value is not None), *(self.reach or ())]
        if known and not self.listed:
            self.reach = (min(known), max(known))


class Screen:
    """Expectations of single columns, run on the blocks of a log.

    Parameters
    ----------
    suite
        Expects values to be in sets, between bounds, or not null; each refers to one column.
    """

    def __init__(self, suite: "ExpectationSuite") -> None:
        self._columns, self._looks_at = _columns_of(suite)
        self._checker = Checker(suite)
        self._passed: list[Finding] = []

    def run(self, block: "pl.DataFrame") -> list[Finding]:
        """Check a block; its column ``row_number`` names the rows.

        Raises
        ------
        ExpectationError
            If an expectation could not be evaluated.
        """
        import polars.selectors as cs

        # For Great Expectations a NaN is a missing value.
        checked = block.select(*self._columns).with_columns(cs.float().fill_nan(None))
        values = {name: column.values(checked[name]) for name, column in self._columns.items()}
        news = {
            name: [value for value in values[name] if not column.knows(value)]
            for name, column in self._columns.items()
        }
        if any(news.values()) and not self._refused(news):
            self._ask({name: news[name] or values[name][:1] for name in news}, checked)
        if not self._refused(news):
            return [replace(finding, evaluated=block.height) for finding in self._passed]
        frame = checked.to_pandas()
        frame.index = block["row_number"].to_numpy()
        return self._checker.run(frame)

    def _refused(self, values: dict[str, list[Any]]) -> bool:
        columns = self._columns
        return any(not columns[name].refused.isdisjoint(some) for name, some in values.items())

    def _ask(self, values: dict[str, list[Any]], like: "pl.DataFrame") -> None:
        """Let values be judged, and learn which were refused."""
        asked = {name: [*some, *self._columns[name].bounds] for name, some in values.items()}
        frame = _frame(asked, like)
        findings = self._checker.run(frame.to_pandas())
        refused: dict[str, set[Any]] = {name: set() for name in asked}
        for finding in findings:
            name = self._looks_at[finding.name]
            refused[name].update(frame[name][finding.rows])
        for name, column in self._columns.items():
            column.learn(frame[name].to_list(), refused[name])
        self._passed = [
            replace(finding, unexpected=0, rows=_NO_ROWS, observed="") for finding in findings
        ]


def _columns_of(suite: "ExpectationSuite") -> tuple[dict[str, _Column], dict[str, str]]:
    """Return what stands for the values of each column, and which column an expectation sees."""
    import great_expectations.expectations as gxe
    from great_expectations.expectations.expectation import ColumnMapExpectation

    columns: dict[str, _Column] = {}
    looks_at: dict[str, str] = {}
    lower: dict[str, list[Any]] = {}
    upper: dict[str, list[Any]] = {}
    for one in suite.expectations:
        if not isinstance(one, ColumnMapExpectation):
            raise TypeError(f"{type(one).__name__} is no expectation of single values")
        column = columns.setdefault(one.column, _Column())
        looks_at[(one.meta or {})["name"]] = one.column
        if isinstance(one, gxe.ExpectColumnValuesToBeBetween):
            column.bounded = True
            lower.setdefault(one.column, []).extend(_allowed(one.min_value, one.strict_min))
            upper.setdefault(one.column, []).extend(_allowed(one.max_value, one.strict_max))
        elif not isinstance(one, gxe.ExpectColumnValuesToNotBeNull):
            column.listed = True
    for name, column in columns.items():
        if not column.listed:
            tightest = [max(lower.get(name) or [None]), min(upper.get(name) or [None])]
            column.bounds = [bound for bound in tightest if bound is not None]
    return columns, looks_at


def _allowed(bound: object, strict: object) -> list[Any]:
    return [] if bound is None or strict else [bound]


def _frame(values: dict[str, list[Any]], like: "pl.DataFrame") -> "pl.DataFrame":
    """Stand lists of values beside each other; shorter ones repeat their last value."""
    import polars as pl

    height = max(map(len, values.values()))
    return pl.DataFrame(
        [
            # Great Expectations keeps the bounds of integers as floats.
            pl.Series(
                name, some + some[-1:] * (height - len(some)), like.schema[name], strict=False
            )
            for name, some in values.items()
        ]
    )
