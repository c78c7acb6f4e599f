"""Asking about values once finds the same as asking about every row."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from include.bandit.open_bandit import FIRST_DAY
from include.expectations.checks import Checker, Finding
from include.expectations.screen import Screen
from include.expectations.suites import silver_suite
from include.experiments.schema import Reward

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite

ROWS = 6
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPOILED = {
    "null index": ("row_index", None),
    "null time": ("decided_at", None),
    "early": ("decided_at", FIRST_DAY - timedelta(microseconds=1)),
    "late": ("decided_at", NOW + timedelta(microseconds=1)),
    "unknown item": ("item_id", 34),
    "position 0": ("position", 0),
    "half a click": ("click", 0.5),
    "NaN propensity": ("propensity_score", float("nan")),
    "zero propensity": ("propensity_score", 0.0),
    "propensity above 1": ("propensity_score", 1.0000001),
    "off the grid": ("on_grid", False),
    "repeated": ("repeats", True),
    "few fields": ("fields", 3),
}


def suite() -> "ExpectationSuite":
    reward = Reward(kind="bernoulli")
    return silver_suite(44, 34, 3, reward, uniform=False, earliest=FIRST_DAY, now=NOW)


def block(first: int, column: str = "click", value: object = 1.0) -> pl.DataFrame:
    """Six good rows, the fourth with another value in one column."""
    frame = pl.DataFrame(
        {
            "row_number": range(first, first + ROWS),
            "complete": True,
            "fields": 44,
            "utf8": True,
            "nul": False,
            "row_index": range(first, first + ROWS),
            "decided_at": [FIRST_DAY + timedelta(minutes=first + row) for row in range(ROWS)],
            "item_id": [row % 34 for row in range(first, first + ROWS)],
            "position": [1, 2, 3, 1, 2, 3],
            "click": [0.0] * ROWS,
            "propensity_score": [0.02, 0.5, 1.0, 5e-6, 0.1, 0.02],
            "on_grid": True,
            "in_order": True,
            "repeats": False,
            "index_rises": True,
        },
        schema_overrides={"decided_at": pl.Datetime("us", "UTC")},
    )
    spoiled = pl.Series(column, [*frame[column][:3], value, *frame[column][4:]], strict=True)
    return frame.with_columns(spoiled.cast(frame.schema[column]))


def said(findings: list[Finding]) -> list[tuple[str, int, list[int], str]]:
    return [(one.name, one.evaluated, one.rows.tolist(), one.observed) for one in findings]


@pytest.mark.parametrize(("column", "value"), SPOILED.values(), ids=list(SPOILED))
def test_blocks_get_the_answers_of_their_rows(column: str, value: object) -> None:
    spoiled = block(7, column, value)
    blocks = [block(1), spoiled, block(13), spoiled]
    screen, checker = Screen(suite()), Checker(suite())
    for one in blocks:
        rows = one.drop("row_number").to_pandas()
        rows.index = one["row_number"].to_numpy()
        assert said(screen.run(one)) == said(checker.run(rows))
    assert [row for finding in screen.run(spoiled) for row in finding.rows] == [10]


def test_what_was_accepted_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    run = Checker.run

    def counted(self: Checker, frame: "pd.DataFrame") -> list[Finding]:
        asked.append(frame)
        return run(self, frame)

    monkeypatch.setattr(Checker, "run", counted)
    screen = Screen(suite())
    for first in range(1, 200, ROWS):
        assert not any(finding.unexpected for finding in screen.run(block(first)))
    # Items and times of later blocks lie within the bounds that the first asked about.
    assert len(asked) == 1


def test_a_bad_first_block_does_not_spoil_what_follows() -> None:
    screen = Screen(suite())
    refused = [row for one in screen.run(block(1, "fields", 3)) for row in one.rows]
    assert refused == [4]
    assert not any(finding.unexpected for finding in screen.run(block(7)))
