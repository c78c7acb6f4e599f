"""Sifting a log: every line is either accepted, typed for silver, or refused with its reason."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from include.bandit.open_bandit import USER_FEATURES
from include.contract.batches import batch_id_of
from include.expectations.checks import Finding, Tally, add_up
from include.expectations.screen import Screen
from include.expectations.stream import StreamChecks
from include.stores.lake.log_reader import Block
from include.stores.lake.quarantine import RefusedRow
from include.stores.lake.silver import row_ids

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

CADENCE: Final = timedelta(days=1)
_DAY_MICROSECONDS: Final = 86_400_000_000


@dataclass(slots=True)
class Sieve:
    """Runs the checks over the blocks of one log and keeps what they found.

    Attributes
    ----------
    bronze_sha256
        Names the rows.
    checker
        The silver suite.
    stream
        The checks across blocks.
    tallies
        What every expectation found so far.
    refused
        Refused rows so far.
    rows
        Lines read so far.
    """

    bronze_sha256: str
    checker: Screen
    stream: StreamChecks
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    refused: list[RefusedRow] = field(default_factory=list)
    rows: int = 0

    def sift(self, block: Block) -> Iterator[tuple[str, "pa.Table"]]:
        """Check a block; yield its accepted rows by batch, in row order within each."""
        frame = self.stream.annotate(block.frame)
        findings = self.checker.run(frame)
        add_up(self.tallies, findings)
        self.rows += frame.height
        refusals = _refusals(findings)
        self._quarantine(block, frame, refusals)
        keep = np.ones(frame.height, bool)
        keep[np.fromiter(refusals, np.int64, len(refusals)) - block.first_row] = False
        accepted = frame.filter(keep) if refusals else frame
        self.stream.accept(accepted["propensity_score"].to_numpy())
        yield from self._by_batch(accepted)

    def refused_by_arm(self) -> dict[tuple[str, int | None], int]:
        """Count refused rows by expectation and arm."""
        return dict(Counter((row.expectation, row.arm) for row in self.refused))

    def _quarantine(
        self, block: Block, frame: "pl.DataFrame", refusals: dict[int, list[str]]
    ) -> None:
        if not refusals:
            return
        numbers = np.array(sorted(refusals), np.int64)
        rows = frame[numbers - block.first_row]
        ids = row_ids(self.bronze_sha256, numbers).to_pylist()
        facts = rows.select("row_number", "decided_at", "item_id").iter_rows()
        for row_id, (number, decided_at, item) in zip(ids, facts, strict=True):
            reasons = refusals[number]
            self.refused.append(
                RefusedRow(
                    row_id=row_id,
                    row_number=number,
                    batch_id=None if decided_at is None else batch_id_of(decided_at, CADENCE),
                    arm=_as_arm(item),
                    expectation=reasons[0],
                    all_expectations=",".join(reasons),
                    raw=block.raw(number),
                )
            )

    def _by_batch(self, accepted: "pl.DataFrame") -> Iterator[tuple[str, "pa.Table"]]:
        days = accepted["decided_at"].to_physical().to_numpy() // _DAY_MICROSECONDS
        for day in np.unique(days).tolist():
            start = datetime.fromtimestamp(day * 86_400, UTC)
            rows = accepted.filter(days == day)
            yield batch_id_of(start, CADENCE), silver_rows(rows, self.bronze_sha256)


def silver_rows(accepted: "pl.DataFrame", bronze_sha256: str) -> "pa.Table":
    """Turn accepted lines into rows of silver: arm and position from 0, names as everywhere."""
    import polars as pl
    import pyarrow as pa

    rows = accepted.select(
        pl.col("decided_at"),
        pl.col("item_id").cast(pl.Int16).alias("arm"),
        (pl.col("position") - 1).cast(pl.Int8).alias("position"),
        # Adding 0.0 turns −0.0 into 0.0, which would otherwise hash differently.
        (pl.col("click") + 0.0).alias("reward"),
        pl.col("propensity_score").alias("pscore"),
        pl.col(*USER_FEATURES),
    ).to_arrow(compat_level=pl.CompatLevel.oldest())
    ids = row_ids(bronze_sha256, accepted["row_number"].to_numpy())
    return pa.table([ids, *rows.columns], names=["row_id", *rows.column_names])


def _refusals(findings: Iterable[Finding]) -> dict[int, list[str]]:
    """Return the names of the expectations that refuse a row, in the order of the suite."""
    refusals: dict[int, list[str]] = {}
    for finding in findings:
        if finding.severity == "critical":
            for row in finding.rows.tolist():
                refusals.setdefault(row, []).append(finding.name)
    return refusals


def _as_arm(item: int | None) -> int | None:
    """Return the index as the row gives it, if an arm could have it at all."""
    return item if item is not None and 0 <= item <= np.iinfo(np.int16).max else None
