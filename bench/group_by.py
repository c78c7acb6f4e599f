"""Sums by (campaign, policy, day, position, item) beside polars and pandas, in one run.

The same 26 million rows lie in a file per campaign, policy and day, as silver keeps them. Each
way reads them in a process of its own: ours counts and folds batch by batch, as `aggregate` does,
with sums that no order of rows changes; the others group all at once and add floats as they come.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from bench._measured import own_peak

ROWS: Final = 26_000_000
DAYS, DAY = 7, 86_400
CAMPAIGNS: Final = {"all": 80, "men": 34, "women": 46}
POLARS_TO_REACH: Final = 1.5
REPEATS: Final = 3
KEYS: Final = ["campaign", "policy", "day", "position", "arm"]


def main() -> int:
    """Print seconds and peaks; fail if sums differ or polars is left too far behind."""
    parser = argparse.ArgumentParser(prog="python -m bench.group_by", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        sys.stdout.write(json.dumps(_timed(STEPS[given.step], given.folder)) + "\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="allot-bench-") as folder:
        _write(Path(folder), given.rows)
        found = {step: _run(step, Path(folder)) for step in STEPS}
    for step, told in found.items():
        seconds, peak = told["seconds"], told["bytes"] / 1e6
        sys.stdout.write(
            f"{step:8} {seconds:6.2f} s, {told['processor']:6.2f} s of processor, {peak:,.0f} MB\n"
        )
    ours, polars, pandas = (found[step]["seconds"] for step in ("ours", "polars", "pandas"))
    sys.stdout.write(
        f"ours takes {ours / polars:.2f}x of polars' time (to stay within {POLARS_TO_REACH}x), "
        f"pandas {pandas / ours:.1f}x of ours\n"
    )
    same = all(told["rows"] == given.rows // 42 * 42 for told in found.values())
    same &= len({round(told["weight"], 3) for told in found.values()}) == 1
    sys.stdout.write(f"sums agree: {same}\n")
    return int(not same or ours > POLARS_TO_REACH * polars)


def _run(step: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.group_by", "--step", step, "--folder", str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def _timed(work: Callable[[Path], tuple[int, float]], folder: Path) -> dict[str, float]:
    clocks, processors = [], []
    for _ in range(REPEATS):
        clock, processor = time.perf_counter(), time.process_time()
        rows, weight = work(folder)
        clocks.append(time.perf_counter() - clock)
        processors.append(time.process_time() - processor)
    return {
        "seconds": min(clocks),
        "processor": min(processors),
        "bytes": own_peak(),
        "rows": rows,
        "weight": weight,
    }


def _ours(folder: Path) -> tuple[int, float]:
    import polars as pl

    from include.tasks.aggregate import count_groups, fold_groups

    rows, weight = 0, 0.0
    for file in sorted(folder.rglob("*.parquet")):
        sums = fold_groups(count_groups(pl.scan_parquet(file)), file.parts[-3])
        rows += sum(row.n for row in sums)
        weight += sum(row.sum_ip for row in sums)
    return rows, weight


def _polars(folder: Path) -> tuple[int, float]:
    import polars as pl

    scanned = pl.scan_parquet(folder / "**/*.parquet", hive_partitioning=True)
    reward, inverse = pl.col("reward"), 1.0 / pl.col("pscore")
    weighted = reward * inverse
    columns = (reward, reward**2, inverse, inverse**2, weighted, weighted * inverse, weighted**2)
    sums = [column.sum().alias(f"sum_{index}") for index, column in enumerate(columns)]
    grouped = scanned.group_by(KEYS).agg(pl.len().alias("n"), *sums)
    found = grouped.collect(engine="streaming")
    return int(found["n"].sum()), float(found["sum_2"].sum())


def _pandas(folder: Path) -> tuple[int, float]:
    import pandas as pd

    frame = pd.read_parquet(folder)
    inverse = 1.0 / frame["pscore"]
    weighted = frame["reward"] * inverse
    frame = frame.assign(
        sum_r2=frame["reward"] ** 2,
        sum_ip=inverse,
        sum_ip2=inverse**2,
        sum_r_ip=weighted,
        sum_r_ip2=weighted * inverse,
        sum_r2_ip2=weighted**2,
    )
    grouped = frame.groupby(KEYS, observed=True)
    return int(grouped.size().sum()), float(grouped.sum()["sum_ip"].sum())


STEPS: Final[dict[str, Callable[[Path], tuple[int, float]]]] = {
    "ours": _ours,
    "polars": _polars,
    "pandas": _pandas,
}


def _write(folder: Path, rows: int) -> None:
    import polars as pl

    from include.bandit.synthetic import draw_rows, draw_truth

    for campaign, items in CAMPAIGNS.items():
        for policy in ("random", "bts"):
            truth = draw_truth(np.random.default_rng(1), items, policy, seconds=DAYS * DAY)
            for day in range(DAYS):
                rng, start = np.random.default_rng([2, items, day]), day * DAY
                drawn = draw_rows(
                    rng, truth, rows // 42, start_second=start, stop_second=start + DAY
                )
                into = folder / f"campaign={campaign}" / f"policy={policy}" / f"day={day}"
                into.mkdir(parents=True)
                columns = {
                    "arm": drawn.item.astype(np.int16),
                    "position": drawn.position.astype(np.int8),
                    "reward": drawn.click.astype(np.float64),
                    "pscore": drawn.propensity,
                }
                pl.DataFrame(columns).write_parquet(into / "rows.parquet")


if __name__ == "__main__":
    sys.exit(main())
