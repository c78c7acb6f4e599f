"""Decision log → bronze: every record once, in ranges of ended transactions."""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from include.settings import Settings
from include.stores.lake.log_objects import put_records
from include.stores.reports.decision_log import (
    KINDS,
    ExportRange,
    LogObject,
    finish,
    next_range,
)
from include.stores.reports.lake import write_bronze_object
from include.stores.reports.log_copy import copy_range
from include.tasks.summary import log_summary

if TYPE_CHECKING:
    import polars as pl

_log = logging.getLogger(__name__)
# Columns of the exported records, in their order; times are microseconds until they are typed.
_TEXT, _WHOLE, _LIST, _TIME = "text", "whole", "list", "time"
COLUMNS: Final = {
    "decision": {
        "decision_id": _TEXT,
        "unit": _TEXT,
        "cell": _TEXT,
        "version": _WHOLE,
        "content_hash": _TEXT,
        "strategy": _TEXT,
        "arms": _LIST,
        "arm_ids": "names",
        "shares": _LIST,
        "buckets": _LIST,
        "flag": _TEXT,
        "decided_at": _TIME,
        "received_at": _TIME,
        "covariates": _TEXT,
    },
    "reward": {
        "reward_id": _TEXT,
        "decision_id": _TEXT,
        "unit": _TEXT,
        "arm_id": _TEXT,
        "value": "number",
        "occurred_at": _TIME,
        "received_at": _TIME,
        "metrics": _TEXT,
    },
    "exposure": {"decision_id": _TEXT, "occurred_at": _TIME, "received_at": _TIME},
}
INSTANT: Final = {"decision": "decided_at", "reward": "occurred_at", "exposure": "occurred_at"}


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export brought; plain values.

    Attributes
    ----------
    experiment
        Slug.
    decisions, rewards, exposures
        Records that stand in bronze since.
    objects
        How many objects hold them.
    covered_until
        All that was written by then is in bronze, ISO 8601.
    """

    experiment: str
    decisions: int
    rewards: int
    exposures: int
    objects: int
    covered_until: str


def export_log(settings: Settings, experiment: str) -> Exported:
    """Bring all ended records of an experiment to bronze.

    Safe to repeat, to kill and to run twice at once: a range is fixed before it is read, so
    that whoever reads it makes the same objects.

    Raises
    ------
    ExportError
        If the database was restored into a cluster that counts transactions anew.
    """
    rows = dict.fromkeys(KINDS, 0)
    objects = 0
    while isinstance(found := next_range(settings, experiment), ExportRange):
        done = [_export(settings, found, kind) for kind in KINDS]
        known = [each for each in done if each is not None]
        finish(settings, found, known)
        objects += len(known)
        for each in known:
            rows[each.kind] += each.rows
    counts = {f"{kind}s": rows[kind] for kind in KINDS}
    told = Exported(experiment, **counts, objects=objects, covered_until=found.isoformat())
    log_summary(
        _log, f"bronze: decision log of {experiment}", [{**counts, "objects": told.objects}]
    )
    return told


def _export(settings: Settings, wanted: ExportRange, kind: str) -> LogObject | None:
    records = typed(copy_range(settings, wanted, kind), kind)
    if not records.height:
        return None
    found = put_records(settings, records, wanted.experiment, kind, now=datetime.now(UTC))
    write_bronze_object(settings, found)
    times = records[INSTANT[kind]]
    first, last = times.min(), times.max()
    if not (isinstance(first, datetime) and isinstance(last, datetime)):
        raise TypeError(f"{INSTANT[kind]} of exported records is no time")
    return LogObject(wanted.number, kind, found.sha256, found.rows, first, last)


def typed(blocks: Iterable[bytes], kind: str) -> "pl.DataFrame":
    """Read exported CSV into typed columns."""
    import polars as pl

    plain = {_TEXT: pl.String, _WHOLE: pl.Int32, _TIME: pl.Int64, "number": pl.Float64}
    columns = COLUMNS[kind]
    content = b"".join(blocks)
    schema = {name: plain.get(form, pl.String) for name, form in columns.items()}
    frame = (
        pl.read_csv(io.BytesIO(content), has_header=False, schema=schema)
        if content
        else pl.DataFrame(schema=schema)
    )
    parsed = {
        _TIME: lambda name: pl.from_epoch(pl.col(name), "us").dt.replace_time_zone("UTC"),
        _LIST: lambda name: pl.col(name).str.split(" ").cast(pl.List(pl.Int16)),
        "names": lambda name: pl.col(name).str.split(" "),
    }
    return frame.with_columns(
        parsed[form](name).alias(name) for name, form in columns.items() if form in parsed
    )
