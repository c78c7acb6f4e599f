"""What a run of ingestion ends with: a table of its logs, and a failure that names the missing."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from include.bandit.open_bandit import source_of
from include.errors import LakeError
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)
_COUNTS: Final = ("rows_in", "rows_silver", "rows_quarantined", "lake_version")


def report_logs(
    chosen: Sequence[Mapping[str, str]], validated: Sequence[Mapping[str, Any]]
) -> None:
    """Log what was read, refused and written, and say which logs did not become silver.

    Parameters
    ----------
    chosen
        ``campaign`` and ``behavior_policy`` of every log that was asked for.
    validated
        What `ValidatedLog` says of those that became silver.

    Raises
    ------
    LakeError
        If a log did not become silver.
    """
    found = {(row["source"], row["behavior_policy"]): row for row in validated}
    keys = [(source_of(log["campaign"]), log["behavior_policy"]) for log in chosen]
    log_summary(_log, "ingested logs", [_line(*key, found.get(key)) for key in keys])
    missing = [f"{source}/{policy}" for source, policy in keys if (source, policy) not in found]
    if missing:
        raise LakeError(
            f"{len(keys) - len(missing)} of {len(keys)} logs became silver; not "
            f"{', '.join(missing)}: see their tasks. The others stand."
        )


def _line(source: str, policy: str, row: Mapping[str, Any] | None) -> dict[str, object]:
    counts = {name: None if row is None else row[name] for name in _COUNTS}
    outcome = "failed" if row is None else "in silver"
    return {"source": source, "behavior_policy": policy, **counts, "outcome": outcome}
