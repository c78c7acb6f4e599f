"""Small logs on their way from a folder to silver, for tests against real S3 and PostgreSQL."""

from pathlib import Path
from typing import Any

import polars as pl

from include.settings import Settings
from include.stores.lake.quarantine import scan_quarantine
from include.stores.lake.silver import scan_feedback
from include.stores.reports.connection import transaction
from include.tasks.ingest import ingest_log
from include.tasks.validate import validate_log
from include.tasks.validation_run import ValidatedLog
from tests.support.obd_logs import good_lines, with_field

ROWS = 300
SOURCE = "open_bandit-men"


def run(settings: Settings, root: Path, policy: str = "random") -> ValidatedLog:
    """Ingest and validate a log of campaign men."""
    found = ingest_log(settings, "men", policy, str(root))
    return validate_log(settings, "men", policy, found.log_key)


def silver(settings: Settings, policy: str = "random") -> pl.DataFrame:
    """Read what silver holds of the log."""
    return scan_feedback(settings, SOURCE, policy).sort("row_id").collect()


def quarantined(settings: Settings, root: Path) -> list[dict[str, Any]]:
    """Read the refused rows of the file that lies in a folder."""
    found = ingest_log(settings, "men", "random", str(root))
    rows = scan_quarantine(settings, SOURCE, "random", Path(found.log_key).stem)
    return rows.sort("row_number").collect().to_dicts()


def query(settings: Settings, text: str) -> list[Any]:
    """Ask PostgreSQL."""
    with transaction(settings) as connection:
        return connection.execute(text).fetchall()


def spoiled(index: int, value: str) -> list[str]:
    """300 good lines with one field of row 8 (counted from 1) replaced."""
    lines = good_lines(ROWS)
    lines[7] = with_field(lines[7], index, value)
    return lines
