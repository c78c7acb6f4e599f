"""Auditing a million logged decisions: seconds, and memory beside what Python had before."""

import os
import resource
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench._services import services
from include.contract.assignment import bucket_in, unit_hasher
from include.contract.published import Published

ROWS = int(os.environ.get("ALLOT_BENCH_ROWS", "1000000"))
SLUG = "obd-men"


def main() -> int:
    """Fill the log with drawn decisions, audit them, print what it took."""
    with (
        tempfile.TemporaryDirectory(prefix="allot-bench-") as folder,
        services(Path(folder)) as environment,
    ):
        os.environ.update(environment)
        _run()
    return 0


def _run() -> None:
    from include.settings import settings
    from include.stores.reports.connection import connect
    from include.stores.reports.weights import history
    from include.tasks.audit.run import audit_experiment

    with connect(settings(), statement_seconds=600) as connection:
        (published,) = history(connection, SLUG)
        columns = (
            "experiment, decision_id, unit, cell, version, content_hash, strategy, arms, arm_ids,"
            " shares, buckets, decided_at"
        )
        copy = f"copy allot.decision ({columns}) from stdin"
        with connection.cursor() as cursor, cursor.copy(copy.encode()) as sink:
            for row in _rows(published):
                sink.write_row(row)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, spent = time.perf_counter(), time.process_time()
    done = audit_experiment(settings(), SLUG, everything=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if (done["decisions"], done["differing"]) != (ROWS, 0):
        raise SystemExit(f"the audit is wrong: {done}")
    sys.stdout.write(
        f"audit of {ROWS:,} decisions of {len(published.content.cells['*'])} positions: "
        f"{seconds:.1f} s ({cpu:.1f} s of CPU), {ROWS / seconds:,.0f}/s, "
        f"{(peak - before) / 1024:.0f} MB more than before\n"
    )


def _rows(published: Published) -> Iterator[tuple[object, ...]]:
    content, now = published.content, datetime.now(UTC)
    hasher = unit_hasher(content.salt, content.experiment)
    slots = content.cells["*"]
    owners = [[arm for a, b, arm in slot for _ in range(b - a)] for slot in slots]
    counts = [content.buckets("*", slot) for slot in range(len(slots))]
    for number in range(ROWS):
        unit = f"unit-{number}"
        drawn = [bucket_in(hasher, unit.encode(), slot) for slot in range(len(slots))]
        arms = [owner[bucket] for owner, bucket in zip(owners, drawn, strict=True)]
        shares = [count[arm] for count, arm in zip(counts, arms, strict=True)]
        names = [content.arms[arm] for arm in arms]
        yield (
            *(content.experiment, uuid.UUID(int=number), unit, "*", 0, published.content_hash),
            *("default", arms, names, shares, drawn, now),
        )


if __name__ == "__main__":
    sys.exit(main())
