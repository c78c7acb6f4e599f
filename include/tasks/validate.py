"""Bronze → silver and quarantine: one atomic replacement per log, or a clear refusal."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from include.bandit.open_bandit import FIRST_DAY, POSITIONS, Log, columns_of
from include.errors import LakeError, RefusedShareError, RowCountError, SourceError
from include.expectations.checks import Checker, Tally, add_up
from include.expectations.report import Refusal, render
from include.expectations.stream import StreamChecks
from include.expectations.suites import bronze_suite, log_suite, silver_suite
from include.settings import Settings
from include.stores.lake.bronze import BronzeObject, open_object, read_manifest
from include.stores.lake.docs import put_page
from include.stores.lake.log_reader import read_blocks, read_header
from include.stores.lake.quarantine import RefusedRow, replace_quarantine
from include.stores.lake.silver import FeedbackReplacement, SilverContent
from include.stores.reports.lake import ResultRow, Validation, write_validation
from include.tasks.quality import Requirements, requirements_of
from include.tasks.sift import Sieve
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    from typing import BinaryIO

# A hopeless log is given up once this many rows, and more than its share, were refused.
REFUSED_ENOUGH: Final = 10_000
_EXAMPLES: Final = 50

_log = logging.getLogger(__name__)


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


def validate_log(
    settings: Settings, campaign: str, behavior_policy: str, log_key: str
) -> ValidatedLog:
    """Validate a log in bronze and make its good rows silver.

    Safe to repeat and to run twice at once: silver ends with the same rows, once.

    Parameters
    ----------
    settings
        Where the lake is.
    campaign, behavior_policy
        Which log.
    log_key
        Its object in bronze, as `ingest_log` returns it.

    Raises
    ------
    SourceError
        If columns are missing or there are no rows; silver is untouched.
    RefusedShareError
        If more rows are refused than an experiment on this campaign declares as bearable;
        silver is untouched, quarantine and the report show the rows.
    ConcurrentReplacementError
        If another file of the same log was made silver meanwhile.
    """
    log = Log(campaign, behavior_policy)
    found = read_manifest(settings, log_key)
    if found is None:
        raise LakeError(f"bronze has no object {log_key}; run the ingest task again")
    required = requirements_of(settings, log)
    run = _Run(settings, log, found, required, datetime.now(UTC))
    with open_object(settings, log_key) as stream:
        run.check_bronze(stream)
    return run.make_silver()


class _Run:
    """One validation; keeps what its steps share."""

    def __init__(
        self,
        settings: Settings,
        log: Log,
        found: BronzeObject,
        required: Requirements,
        now: datetime,
    ) -> None:
        self._settings, self._log, self._found = settings, log, found
        self._required, self._now = required, now
        self._columns = columns_of(log.items)
        self._where = (
            f"campaign {log.campaign}, behavior policy {log.behavior_policy}, file "
            f"{found.source_name} (sha256 {found.sha256[:12]})"
        )
        self._tallies: dict[tuple[str, str], Tally] = {}

    def check_bronze(self, stream: "BinaryIO") -> None:
        """Refuse an object whose columns or first row are not there."""
        import pandas as pd

        header = _unnamed(read_header(stream, self._where))
        first = stream.readline(64 * 1024)
        expected = _unnamed(self._columns)
        frame = pd.DataFrame([[""] * len(header)] if first else [], columns=list(header))
        add_up(self._tallies, Checker(bronze_suite(expected)).run(frame))
        failed = [tally for tally in self._tallies.values() if not tally.success]
        if not failed:
            return
        reasons = "; ".join(
            f"{tally.name} ({tally.says}){': ' if tally.observed else ''}"
            f"{'; '.join(tally.observed)}"
            for tally in failed
        )
        reason = f"{self._where}: {reasons}. Deliver the file with the published columns and rows."
        self._record(reason, None, 0, [], {})
        raise SourceError(reason)

    def make_silver(self) -> ValidatedLog:
        """Sift all rows and replace the log's partitions by the accepted ones."""
        log, found = self._log, self._found
        replacement = FeedbackReplacement(self._settings, found.source, log.behavior_policy)
        sieve = Sieve(found.sha256, self._silver_checker(), StreamChecks(log.items))
        try:
            ended = self._stream(sieve, replacement)
            self._check_weights(sieve)
            self._refuse_too_many(sieve, ended=ended)
        except BaseException:
            replacement.discard()
            raise
        self._quarantine(sieve.refused)
        content = replacement.commit(
            {"allot.bronze": found.sha256, "allot.quarantined": str(len(sieve.refused))}
        )
        self._check_counts(sieve, content)
        key, link = self._record("", content, sieve.rows, sieve.refused, sieve.refused_by_arm())
        return self._told(sieve, content, key, link)

    def _silver_checker(self) -> Checker:
        return Checker(
            silver_suite(
                len(self._columns),
                self._log.items,
                POSITIONS,
                self._required.reward,
                uniform=self._log.behavior_policy == "random",
                earliest=FIRST_DAY,
                now=self._now,
            )
        )

    def _stream(self, sieve: Sieve, replacement: FeedbackReplacement) -> bool:
        """Sift block by block; tell whether the log was read to its end."""
        limit = max(self._required.refused_share * self._found.rows, REFUSED_ENOUGH)
        with open_object(self._settings, self._found.key) as stream:
            read_header(stream, self._where)
            for block in read_blocks(stream, len(self._columns), self._where):
                for batch_id, rows in sieve.sift(block):
                    replacement.write(batch_id, rows)
                if len(sieve.refused) > limit:
                    break
        self._tallies.update(sieve.tallies)
        return sieve.rows == self._found.rows

    def _check_weights(self, sieve: Sieve) -> None:
        import pandas as pd

        weight = sieve.stream.mean_weight()
        if weight == weight:  # noqa: PLR0124 - NaN where no row was accepted
            frame = pd.DataFrame({"mean_weight": [weight]})
            add_up(self._tallies, Checker(log_suite()).run(frame))

    def _refuse_too_many(self, sieve: Sieve, *, ended: bool) -> None:
        refused, rows = len(sieve.refused), sieve.rows
        if refused <= self._required.refused_share * rows and ended:
            return
        if not ended and refused <= REFUSED_ENOUGH:
            raise RowCountError(
                f"{self._where}: read {rows} of {self._found.rows} rows; "
                "the object in bronze is not what its manifest says"
            )
        by_name = Counter(row.expectation for row in sieve.refused).most_common()
        first = sieve.refused[0]
        reason = (
            f"{self._where}: {refused} of {rows} rows read were refused "
            f"({refused / rows:.2%}), more than quality.refused_share "
            f"{self._required.refused_share:.2%} of experiment {self._required.strictest}: "
            + ", ".join(f"{name} {count}" for name, count in by_name)
            + f". First: row {first.row_number}, {first.expectation}. Silver is untouched; the "
            "rows are in quarantine. Correct the file and run again, or declare a larger share."
        )
        self._quarantine(sieve.refused)
        self._record(reason, None, rows, sieve.refused, sieve.refused_by_arm())
        raise RefusedShareError(reason)

    def _quarantine(self, refused: Sequence[RefusedRow]) -> None:
        numbers = ",".join(f"{row.row_number}:{row.all_expectations}" for row in refused)
        replace_quarantine(
            self._settings,
            self._found.source,
            self._log.behavior_policy,
            self._found.sha256,
            refused,
            identity=f"{self._found.sha256} {numbers}",
        )

    def _check_counts(self, sieve: Sieve, content: SilverContent) -> None:
        silver = sum(rows for rows, _ in content.batches.values())
        if not sieve.rows == self._found.rows == silver + len(sieve.refused):
            raise RowCountError(
                f"{self._where}: {self._found.rows} rows in bronze, {sieve.rows} read, {silver} in "
                f"silver, {len(sieve.refused)} in quarantine; these must add up. Report this."
            )

    def _record(
        self,
        reason: str,
        content: SilverContent | None,
        rows_in: int,
        refused: Sequence[RefusedRow],
        by_arm: dict[tuple[str, int | None], int],
    ) -> tuple[str, str]:
        found = self._found
        key = f"validation/{found.source}/{found.behavior_policy}/{found.sha256}.html"
        silver = sum(rows for rows, _ in content.batches.values()) if content else 0
        outcome = Validation(
            verdict="accepted" if content else "refused",
            reason=reason,
            rows_in=rows_in,
            rows_silver=silver,
            rows_quarantined=len(refused),
            lake_version=content.lake_version if content else None,
            content_hash=content.content_hash if content else None,
            docs_key=key,
            results=[_result(tally) for tally in self._tallies.values()],
            refused=by_arm,
        )
        link = put_page(self._settings, key, self._page(outcome, refused))
        write_validation(self._settings, found, outcome, checked_at=self._now)
        _log.info("validation report: %s", link)
        return key, link

    def _page(self, outcome: Validation, refused: Sequence[RefusedRow]) -> str:
        facts = [
            ("verdict", outcome.verdict if not outcome.reason else outcome.reason),
            ("file", self._found.source_name),
            ("sha256", self._found.sha256),
            ("rows read", f"{outcome.rows_in:,}"),
            ("rows in silver", f"{outcome.rows_silver:,}"),
            ("rows in quarantine", f"{outcome.rows_quarantined:,}"),
            ("content hash", outcome.content_hash or "–"),
            ("checked at", self._now.isoformat(timespec="seconds")),
        ]
        examples = [
            Refusal(row.row_number, row.all_expectations, row.raw[:500])
            for row in refused[:_EXAMPLES]
        ]
        title = f"{self._found.source}, {self._found.behavior_policy}"
        return render(title, facts, self._tallies.values(), examples)

    def _told(self, sieve: Sieve, content: SilverContent, key: str, link: str) -> ValidatedLog:
        quarantined = len(sieve.refused)
        told = ValidatedLog(
            source=self._found.source,
            behavior_policy=self._log.behavior_policy,
            batches=sorted(content.batches),
            rows_in=sieve.rows,
            rows_silver=sieve.rows - quarantined,
            rows_quarantined=quarantined,
            lake_version=content.lake_version,
            content_hash=content.content_hash,
            docs_key=key,
            docs_link=link,
        )
        spoken = [tally for tally in self._tallies.values() if not tally.success]
        if spoken:
            lines: list[dict[str, object]] = [
                {
                    "expectation": tally.name,
                    "severity": tally.severity,
                    "rows": tally.unexpected,
                    "found": "; ".join(tally.observed),
                }
                for tally in spoken
            ]
            log_summary(_log, "expectations that were not met", lines)
        log_summary(
            _log,
            f"silver: campaign {self._log.campaign}, behavior policy {self._log.behavior_policy}",
            [
                {
                    "rows read": told.rows_in,
                    "to silver": told.rows_silver,
                    "refused": told.rows_quarantined,
                    "batches": len(told.batches),
                    "mean weight": sieve.stream.mean_weight(),
                    "lake version": told.lake_version,
                    "content hash": told.content_hash[:12],
                }
            ],
        )
        return told


def _unnamed(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Give the nameless first column a name, and repeated columns different ones."""
    seen: Counter[str] = Counter()
    names = []
    for column in columns:
        name = column or "row_index"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _result(tally: Tally) -> ResultRow:
    return ResultRow(
        tally.suite,
        tally.name,
        tally.severity,
        tally.says,
        tally.evaluated,
        tally.unexpected,
        "; ".join(tally.observed)[:1000],
    )
