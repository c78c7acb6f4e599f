"""One validation of a log in bronze: its columns, its rows, and what becomes of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import TYPE_CHECKING, Final

from include.bandit.open_bandit import FIRST_DAY, POSITIONS, Log, columns_of
from include.errors import RefusedShareError, RowCountError, SourceError
from include.expectations.checks import Checker, Tally, add_up
from include.expectations.screen import Screen
from include.expectations.stream import StreamChecks
from include.expectations.suites import log_suite, silver_suite
from include.settings import Settings
from include.stores.lake.bronze import BronzeObject, open_object
from include.stores.lake.log_reader import read_blocks, read_header
from include.stores.lake.quarantine import RefusedRow, replace_quarantine
from include.stores.lake.read_ahead import one_ahead
from include.stores.lake.silver import FeedbackReplacement, SilverContent
from include.tasks.bronze_check import check_columns, describe_failures
from include.tasks.quality import Requirements
from include.tasks.sift import Sieve
from include.tasks.validation_record import Outcome, record

if TYPE_CHECKING:
    from typing import BinaryIO

# A hopeless log is given up once this many rows, and more than its share, were refused.
REFUSED_ENOUGH: Final = 10_000


@dataclass(frozen=True, slots=True)
class ValidatedLog:
    """What validating a log left behind; plain values, for logs and for the next task.

    Attributes
    ----------
    source, behavior_policy
        Which partitions of silver.
    batches
        Batches that silver now holds of them.
    rows_in, rows_silver, rows_quarantined
        Counts; the first is the sum of the others.
    lake_version, content_hash
        Version of the silver table, and the name of the rows.
    docs_key, docs_link
        The report: key in the docs bucket, and a link that works for a week.
    """

    source: str
    behavior_policy: str
    batches: list[str]
    rows_in: int
    rows_silver: int
    rows_quarantined: int
    lake_version: int
    content_hash: str
    docs_key: str
    docs_link: str


@dataclass
class ValidationRun:
    """One validation; keeps what its steps share."""

    settings: Settings
    log: Log
    found: BronzeObject
    required: Requirements
    now: datetime
    on_report: Callable[[str], None] | None
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Name the log and its file, for messages."""
        log, found = self.log, self.found
        return (
            f"campaign {log.campaign}, behavior policy {log.behavior_policy}, file "
            f"{found.source_name} (sha256 {found.sha256[:12]})"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that the log shall have."""
        return columns_of(self.log.items)

    def check_bronze(self, stream: "BinaryIO") -> None:
        """Refuse an object whose columns or first row are not there."""
        self.tallies = check_columns(stream, self.columns, self.where)
        failures = describe_failures(self.tallies)
        if failures:
            reason = (
                f"{self.where}: {failures}. Silver is untouched. "
                "Deliver the file with the published columns and its rows."
            )
            self._record(reason, 0, [], {}, None)
            raise SourceError(reason)

    def make_silver(self) -> ValidatedLog:
        """Sift all rows and replace the log's partitions by the accepted ones."""
        replacement = FeedbackReplacement(
            self.settings, self.found.source, self.log.behavior_policy
        )
        sieve = Sieve(self.found.sha256, self._screen(), StreamChecks(self.log.items), self.tallies)
        try:
            self._stream(sieve, replacement)
            self._check_weights(sieve)
            self._refuse_too_many(sieve)
        except BaseException:
            replacement.discard()
            raise
        self._quarantine(sieve.refused)
        content = replacement.commit(
            {"allot.bronze": self.found.sha256, "allot.quarantined": str(len(sieve.refused))}
        )
        self._check_counts(sieve, content)
        key, link = self._record("", sieve.rows, sieve.refused, sieve.refused_by_arm(), content)
        return ValidatedLog(
            source=self.found.source,
            behavior_policy=self.log.behavior_policy,
            batches=sorted(content.batches),
            rows_in=sieve.rows,
            rows_silver=sieve.rows - len(sieve.refused),
            rows_quarantined=len(sieve.refused),
            lake_version=content.lake_version,
            content_hash=content.content_hash,
            docs_key=key,
            docs_link=link,
        )

    def _screen(self) -> Screen:
        return Screen(
            silver_suite(
                len(self.columns),
                self.log.items,
                POSITIONS,
                self.required.reward,
                uniform=self.log.behavior_policy == "random",
                earliest=FIRST_DAY,
                now=self.now,
            )
        )

    def _stream(self, sieve: Sieve, replacement: FeedbackReplacement) -> None:
        """Sift block by block, to the end or until it is hopeless."""
        limit = max(self.required.refused_share * self.found.rows, REFUSED_ENOUGH)
        with open_object(self.settings, self.found.key) as stream:
            read_header(stream, self.where)
            blocks = read_blocks(stream, len(self.columns), self.where)
            for block in one_ahead(blocks):
                for batch_id, rows in sieve.sift(block):
                    replacement.write(batch_id, rows)
                if len(sieve.refused) > limit:
                    return
        if sieve.rows != self.found.rows:
            raise RowCountError(
                f"{self.where}: read {sieve.rows} of {self.found.rows} rows; the object in "
                "bronze is not what its manifest says. Ingest the file again."
            )

    def _check_weights(self, sieve: Sieve) -> None:
        import pandas as pd

        weight = sieve.stream.mean_weight()
        if not isnan(weight):
            frame = pd.DataFrame({"mean_weight": [weight]})
            add_up(self.tallies, Checker(log_suite()).run(frame))

    def _refuse_too_many(self, sieve: Sieve) -> None:
        refused, rows = len(sieve.refused), sieve.rows
        if refused <= self.required.refused_share * rows:
            return
        by_name = Counter(row.expectation for row in sieve.refused).most_common()
        first = sieve.refused[0]
        reason = (
            f"{self.where}: {refused} of {rows} rows read were refused "
            f"({refused / rows:.2%}), more than quality.refused_share "
            f"{self.required.refused_share:.2%} of experiment {self.required.strictest}: "
            + ", ".join(f"{name} {count}" for name, count in by_name)
            + f". First: row {first.row_number}, {first.expectation}. Silver is untouched; the "
            "rows are in quarantine. Correct the file and run again, or declare a larger share."
        )
        self._quarantine(sieve.refused)
        self._record(reason, rows, sieve.refused, sieve.refused_by_arm(), None)
        raise RefusedShareError(reason)

    def _quarantine(self, refused: Sequence[RefusedRow]) -> None:
        numbers = ",".join(f"{row.row_number}:{row.all_expectations}" for row in refused)
        replace_quarantine(
            self.settings,
            self.found.source,
            self.log.behavior_policy,
            self.found.sha256,
            refused,
            identity=f"{self.found.sha256} {numbers}",
        )

    def _check_counts(self, sieve: Sieve, content: SilverContent) -> None:
        silver = sum(rows for rows, _ in content.batches.values())
        if not sieve.rows == self.found.rows == silver + len(sieve.refused):
            raise RowCountError(
                f"{self.where}: {self.found.rows} rows in bronze, {sieve.rows} read, {silver} in "
                f"silver, {len(sieve.refused)} in quarantine; these must add up. Report this."
            )

    def _record(
        self,
        reason: str,
        rows: int,
        refused: Sequence[RefusedRow],
        by_arm: dict[tuple[str, int | None], int],
        content: SilverContent | None,
    ) -> tuple[str, str]:
        outcome = Outcome(reason, rows, refused, by_arm, list(self.tallies.values()), content)
        key, link = record(self.settings, self.found, outcome, checked_at=self.now)
        if self.on_report is not None:
            self.on_report(link)
        return key, link
