"""Evaluate a log too large for memory by the DAG's own task function: seconds and peak memory."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bench._measured import own_peak
from bench._services import services

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 26_000_000
ITEMS, DAYS, DAY = 80, 7, 86_400
BYTES_TO_REACH = 1.5e9
SLUG = "bench-large"
FIRST = datetime(2019, 11, 24, tzinfo=UTC)


def main() -> int:
    """Write silver, evaluate it in a process of its own; fail if it takes too much memory."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--log", choices=("random", "bts"), default="bts")
    parser.add_argument("--units", type=int, default=0, help="so many units come again and again")
    parser.add_argument("--step", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        sys.stdout.write(json.dumps(_evaluated()) + "\n")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="allot-bench-") as temporary,
        services(Path(temporary)) as environment,
    ):
        os.environ.update(environment)
        _declare(given.log)
        _write(given.log, given.rows, given.units)
        command = [sys.executable, "-m", "bench.evaluation", "--step"]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(told.stdout.splitlines()[-1])
    of_units = f" of {given.units:,} units" if given.units else ""
    sys.stdout.write(
        f"{given.rows:,} rows of {given.log}{of_units}, {found['estimates']} estimates: "
        f"{found['seconds']:.1f} s, {found['bytes'] / 1e9:.2f} GB at the peak "
        f"(to stay below {BYTES_TO_REACH / 1e9:.1f} GB)\n"
    )
    return int(found["bytes"] > BYTES_TO_REACH)


def _declare(log: str) -> None:
    from include.experiments.schema import Experiment
    from include.settings import settings
    from include.stores.reports.experiments import Submission, register

    declared = Experiment.model_validate(
        {
            "slug": SLUG,
            "title": "a log too large for memory",
            "owner": "bench",
            "arms": [f"item-{item}" for item in range(ITEMS)],
            "positions": 3,
            "source": {"kind": "open_bandit", "campaign": "all", "evaluate_on": [log]},
        }
    )
    register(settings(), declared, Submission("toml", "bench", "to measure an evaluation"))


def _write(log: Literal["random", "bts"], rows: int, units: int) -> None:
    """Put a generated log into silver, day by day."""
    import pyarrow as pa

    from include.bandit.synthetic import draw_rows, draw_truth
    from include.settings import settings
    from include.stores.lake.silver import ROW_COLUMNS, FeedbackReplacement, row_ids

    truth = draw_truth(np.random.default_rng(1), ITEMS, log, seconds=DAYS * DAY)
    silver = FeedbackReplacement(settings(), "open_bandit-all", log)
    epoch = int(FIRST.timestamp() * 1e6)
    for day in range(DAYS):
        rng, start = np.random.default_rng([2, day]), day * DAY
        drawn = draw_rows(rng, truth, rows // DAYS, start_second=start, stop_second=start + DAY)
        known = {
            "row_id": row_ids(f"{day:064}", np.arange(len(drawn.item), dtype=np.int64)),
            "decided_at": pa.array(epoch + drawn.microseconds, pa.timestamp("us", tz="UTC")),
            "arm": pa.array(drawn.item, pa.int16()),
            "position": pa.array(drawn.position, pa.int8()),
            "reward": pa.array(drawn.click, pa.float64()),
            "pscore": pa.array(drawn.propensity, pa.float64()),
            "exposed": pa.nulls(len(drawn.item), pa.bool_()),
        }
        if units:
            known["unit"] = _names(rng.integers(0, units, len(drawn.item)))
        missing = pa.nulls(len(drawn.item), pa.string())
        batch = (FIRST + timedelta(days=day)).date().isoformat()
        silver.write(batch, pa.table({name: known.get(name, missing) for name in ROW_COLUMNS}))
    silver.commit({})


def _names(numbers: NDArray[np.int64]) -> "pa.Array":
    """Name units by 32 digits that do not compress."""
    import polars as pl

    number = pl.Series("number", numbers)
    digits = [pl.col("number").hash(seed).cast(pl.String).str.zfill(20) for seed in (1, 2)]
    named = pl.concat_str(digits).str.slice(2, 32)
    return number.to_frame().select(named).to_series().to_arrow().cast("string")


def _evaluated() -> dict[str, float]:
    from include.settings import settings
    from include.tasks.evaluate import evaluate_experiment

    begin = time.perf_counter()
    report = evaluate_experiment(settings(), SLUG, dag_run="bench")
    return {
        "seconds": time.perf_counter() - begin,
        "bytes": own_peak(),
        "estimates": sum(report.written.values()),
    }


if __name__ == "__main__":
    sys.exit(main())
