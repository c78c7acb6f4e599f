"""Leaving a validation behind: rows in PostgreSQL, a report in S3, a table in the log."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from include.expectations.checks import Tally
from include.expectations.report import Refusal, render
from include.settings import Settings
from include.stores.lake.bronze import BronzeObject
from include.stores.lake.docs import put_page
from include.stores.lake.quarantine import RefusedRow
from include.stores.lake.silver import SilverContent
from include.stores.reports.lake import ResultRow, Validation, write_validation
from include.tasks.summary import log_summary

_EXAMPLES: Final = 50
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a validation ended.

    Attributes
    ----------
    reason
        Why the object was refused; empty where it was accepted.
    rows
        Rows read.
    refused
        Refused rows.
    refused_by_arm
        Their number by expectation and arm.
    tallies
        What every expectation found.
    content
        What silver holds now; None where the object was refused.
    """

    reason: str
    rows: int
    refused: Sequence[RefusedRow]
    refused_by_arm: Mapping[tuple[str, int | None], int]
    tallies: Sequence[Tally]
    content: SilverContent | None

    @property
    def rows_silver(self) -> int:
        """Return the rows that silver holds of the object."""
        return sum(rows for rows, _ in self.content.batches.values()) if self.content else 0


def record(
    settings: Settings, found: BronzeObject, outcome: Outcome, *, checked_at: datetime
) -> tuple[str, str]:
    """Store the report and the rows; return the report's key and a link that works for a week."""
    key = f"validation/{found.source}/{found.behavior_policy}/{found.sha256}.html"
    content = outcome.content
    stored = Validation(
        verdict="refused" if outcome.reason else "accepted",
        reason=outcome.reason,
        rows_in=outcome.rows,
        rows_silver=outcome.rows_silver,
        rows_quarantined=len(outcome.refused),
        lake_version=content.lake_version if content else None,
        content_hash=content.content_hash if content else None,
        docs_key=key,
        results=[_result(tally) for tally in outcome.tallies],
        refused=outcome.refused_by_arm,
    )
    link = put_page(settings, key, _page(found, stored, outcome, checked_at))
    write_validation(settings, found, stored, checked_at=checked_at)
    _tell(found, outcome)
    _log.info("validation report: %s", link)
    return key, link


def _page(found: BronzeObject, stored: Validation, outcome: Outcome, checked_at: datetime) -> str:
    facts = [
        ("verdict", stored.reason or stored.verdict),
        ("file", found.source_name),
        ("sha256", found.sha256),
        ("rows read", f"{stored.rows_in:,}"),
        ("rows in silver", f"{stored.rows_silver:,}"),
        ("rows in quarantine", f"{stored.rows_quarantined:,}"),
        ("content hash", stored.content_hash or "–"),
        ("checked at", checked_at.isoformat(timespec="seconds")),
    ]
    examples = [
        Refusal(row.row_number, row.all_expectations, row.raw[:500])
        for row in outcome.refused[:_EXAMPLES]
    ]
    return render(f"{found.source}, {found.behavior_policy}", facts, outcome.tallies, examples)


def _tell(found: BronzeObject, outcome: Outcome) -> None:
    failed = [tally for tally in outcome.tallies if not tally.success]
    lines: list[dict[str, object]] = [
        {
            "expectation": tally.name,
            "severity": tally.severity,
            "rows": tally.unexpected,
            "found": "; ".join(tally.observed),
        }
        for tally in failed
    ]
    if lines:
        log_summary(_log, "expectations that were not met", lines)
    content = outcome.content
    log_summary(
        _log,
        f"silver: {found.source}, behavior policy {found.behavior_policy}",
        [
            {
                "rows read": outcome.rows,
                "to silver": outcome.rows_silver,
                "refused": len(outcome.refused),
                "batches": len(content.batches) if content else 0,
                "lake version": content.lake_version if content else None,
                "content hash": content.content_hash[:12] if content else None,
            }
        ],
    )


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
