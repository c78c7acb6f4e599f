"""Off-policy evaluation beside Open Bandit Pipeline's formulas, in one run.

OBP 0.4.1's own estimator classes run on the same rows, and take some 6 GB for them: its inputs
have shape (n, K, P). Processor seconds stand beside the clock, which other work stretches.
"""

import argparse
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial, reduce
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench._measured import own_peak
from include.bandit.feedback import Feedback
from include.bandit.ope import dr, evaluate, ips
from include.bandit.ope.bootstrap import bootstrap
from include.bandit.ope.options import Options
from include.bandit.ope.stream import RowPass
from include.bandit.ope.streamed import CHUNK, Part, StreamedLog, evaluate_streamed
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.reward_model import RewardModel, cross_fit
from include.bandit.statistics import ArmStatistics, FloatArray
from include.bandit.synthetic import draw_rows, draw_truth
from include.tasks.evaluation.reading import distinct_rows
from tests.reference.cases import reward_table, tilted_policy
from tests.reference.make_obp_values import estimators, load

ITEMS, POSITIONS, DAYS = 80, 3, 7
MILLION, LARGE = 1_000_000, 26_000_000
RESAMPLES = 40
FOUR = ("ips", "snips", "dm", "dr")
SEVEN = (*FOUR, "sndr", "switch-dr", "dr-os")
PARAMETERS = {"switch-dr": 1.3, "dr-os": 0.7}
# Estimator to value and variance.
Values: TypeAlias = dict[str, tuple[float, float]]


def main() -> int:
    """Print ratios; fail where OBP's values are not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.ope", description=__doc__)
    parser.add_argument("--large", type=float, metavar="SECONDS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    policy, q = tilted_policy(POSITIONS, ITEMS), reward_table(POSITIONS, ITEMS)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        if given.large is not None:
            _large(files, policy, q, given.large)
            return 0
        agree, seconds = _million(files, policy, q)
        _bootstraps(files, policy)
    # In a process of its own, so that OBP's gigabytes are not in its peak.
    command = [sys.executable, "-m", "bench.ope", "--large", str(seconds)]
    return subprocess.run(command, check=False).returncode or int(not agree)


def _million(files: Path, policy: FloatArray, q: FloatArray) -> tuple[bool, float]:
    """Compare on a million rows; return whether values agree, and OBP's seconds for seven."""
    _write_csv(files / "full.csv", MILLION)
    model = RewardModel.given(q)
    theirs_of: dict[str, float] = {}
    agree, seconds = True, 0.0
    _their_estimators()
    for names, values in ((FOUR, _by_sums), (SEVEN, _by_rows)):
        ours = _timed(partial(values, files / "full.csv", policy, names, model))
        theirs = _timed(partial(_obp, files / "full.csv", policy, q, names, theirs_of), 1)
        _line(f"{len(names)} estimators, 1M rows, CSV to values", ours)
        _line("  OBP 0.4.1, the same rows", theirs)
        _ratio(theirs[1] / ours[1], 80)
        seconds = theirs[0]
        sys.stdout.write(f"  ratio by the clock {theirs[0] / ours[0]:,.0f}x\n")
        for name, (value, _) in values(files / "full.csv", policy, names, model).items():
            agree &= abs(value / theirs_of[name] - 1.0) < 1e-9
    sys.stdout.write(f"  values agree to 1e-9: {agree}\n")
    return agree, seconds


def _bootstraps(files: Path, policy: FloatArray) -> None:
    data = _feedback(_scan(files / "full.csv").collect())
    log = weighted(data, policy, cross_fit(data))
    if not isinstance(log, Rows):
        raise TypeError("a log of rows was expected")
    for module, target in ((dr, 50), (ips, 100)):
        rng = np.random.default_rng(0)
        ours = _timed(partial(bootstrap, module, log, rng, 1000), 5)
        scores = log.values(module.terms(log)[0])
        theirs = _timed(partial(_resample, scores), 1)
        _line(f"bootstrap 1,000, 1M rows, {module.NAME}", ours)
        _ratio(1000 / RESAMPLES * theirs[1] / ours[1], target)
        by_clock = 1000 / RESAMPLES * theirs[0] / ours[0]
        sys.stdout.write(f"  ratio by the clock {by_clock:,.0f}x\n")


def _resample(scores: FloatArray) -> list[float]:
    """Do what obp.utils does per resample, with its generator; some stand for 1,000."""
    random = np.random.RandomState(0)
    return [float(random.choice(scores, size=len(scores)).mean()) for _ in range(RESAMPLES)]


def _large(files: Path, policy: FloatArray, q: FloatArray, theirs: float) -> None:
    """Time what `evaluate_policies` does with a log that does not fit into memory, day by day.

    Parameters
    ----------
    files, policy, q
        Where to write the log, whom to judge, and the reward model.
    theirs
        OBP's seconds for seven estimators on a million rows.
    """
    path = files / "large.parquet"
    _write_parquet(path, LARGE)
    days = [pl.scan_parquet(path).filter(pl.col("day") == day) for day in range(DAYS)]
    model = RewardModel.given(q)
    five = _timed(lambda: evaluate(_log(days).sums, policy, None, model))
    _line("5 estimators with variances from sums, 26M rows", five)
    for what, distinct in (("every row", False), ("distinct rows", True)):
        seven = _timed(partial(_seven, days, policy, model, distinct=distinct))
        _line(f"7 estimators with variances, {what}, 26M rows", seven)
        ratio = LARGE / seven[0] * theirs / MILLION
        sys.stdout.write(f"  {ratio:,.0f}x of OBP's rows a second by the clock (to reach 300x)\n")
    options = Options(parameters=PARAMETERS)
    every = _timed(lambda: evaluate_streamed(_log(days), policy, model, options), 1)
    _line("every estimator, shrunk ones in passes over distinct rows, 26M rows", every)
    sys.stdout.write(f"  peak, writing the log included: {own_peak() / 1e6:,.0f} MB\n")


def _seven(
    frames: Sequence[pl.LazyFrame], policy: FloatArray, model: RewardModel, *, distinct: bool
) -> Values:
    """Value and variance by one pass a day, two days at a time; passes add."""

    def one(frame: pl.LazyFrame) -> RowPass:
        made = RowPass(policy, model, SEVEN, PARAMETERS)
        rows = distinct_rows(frame) if distinct else frame.collect()
        for part in rows.iter_slices(CHUNK):
            made.add(_feedback(part), part["n"].to_numpy() if distinct else None)
        return made

    with ThreadPoolExecutor(2) as pool:
        return reduce(add, pool.map(one, frames)).results()


def _log(frames: Sequence[pl.LazyFrame]) -> StreamedLog:
    """Read frames as the DAG reads the batches of a log, with one reward model for all."""

    def parts() -> Iterator[Part]:
        for frame in frames:
            rows = distinct_rows(frame)
            yield 0, _feedback(rows), rows["n"].to_numpy()

    sums: list[ArmStatistics] = []
    smallest = np.full((POSITIONS, ITEMS), np.inf)
    for _, rows, count in parts():
        sums.append(rows.sums(count=count))
        np.minimum.at(smallest, (rows.position, rows.arm), rows.pscore)
    return StreamedLog(parts, reduce(add, sums), smallest)


def _by_sums(path: Path, policy: FloatArray, names: tuple[str, ...], model: RewardModel) -> Values:
    """Value and variance of the estimators that need no more than sums by (item, position)."""
    found = evaluate(_log([_scan(path)]).sums, policy, names, model)
    return {one.estimator: (one.value, one.variance) for one in found}


def _by_rows(path: Path, policy: FloatArray, names: tuple[str, ...], model: RewardModel) -> Values:
    """Value and variance of estimators that look at every row, a core's cache at a time."""
    frame, rows = _scan(path).collect(), RowPass(policy, model, names, PARAMETERS)
    for part in frame.iter_slices(CHUNK):
        rows.add(_feedback(part))
    return rows.results()


def _obp(
    path: Path,
    policy: FloatArray,
    q: FloatArray,
    names: tuple[str, ...],
    answers: dict[str, float],
) -> None:
    frame = pd.read_csv(path)
    found = _their_estimators()
    shape = (len(frame), ITEMS, POSITIONS)
    asked: dict[str, Any] = {
        "reward": frame["click"].to_numpy(),
        "action": frame["item_id"].to_numpy(),
        "position": frame["position"].to_numpy() - 1,
        "pscore": frame["propensity_score"].to_numpy(),
        "action_dist": np.array(np.broadcast_to(policy.T, shape)),
        "estimated_rewards_by_reg_model": np.array(np.broadcast_to(q.T, shape)),
    }
    answers.update({name: float(found[name].estimate_policy_value(**asked)) for name in names})


@cache
def _their_estimators() -> dict[str, Any]:
    spec = importlib.util.find_spec("obp")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("obp is not installed")
    return estimators(load(Path(spec.origin).parent))


def _scan(path: Path) -> pl.LazyFrame:
    """Columns as silver has them, of a file as the dataset has it."""
    types = {"item_id": pl.Int16, "position": pl.Int8, "click": pl.UInt8}
    return pl.scan_csv(path, schema_overrides=types).select(
        arm="item_id",
        position=pl.col("position") - 1,
        reward="click",
        pscore="propensity_score",
    )


def _feedback(frame: pl.DataFrame) -> Feedback:
    arm, position, reward, pscore = (
        frame[name].to_numpy() for name in ("arm", "position", "reward", "pscore")
    )
    return Feedback.of(arm, reward, pscore, arms=ITEMS, position=position, positions=POSITIONS)


def _write_csv(path: Path, rows: int) -> None:
    rng = np.random.default_rng(rows)
    truth = draw_truth(rng, ITEMS, "random", seconds=DAYS * 86_400)
    drawn = draw_rows(rng, truth, rows, start_second=0, stop_second=DAYS * 86_400)
    pl.DataFrame(
        {
            "timestamp": drawn.microseconds,
            "item_id": drawn.item,
            "position": drawn.position + 1,
            "click": drawn.click,
            "propensity_score": drawn.propensity,
        }
    ).write_csv(path)


def _write_parquet(path: Path, rows: int) -> None:
    rng = np.random.default_rng(rows)
    truth = draw_truth(rng, ITEMS, "bts", seconds=DAYS * 86_400)
    writer = None
    for day in range(DAYS):
        start = day * 86_400
        drawn = draw_rows(rng, truth, rows // DAYS, start_second=start, stop_second=start + 86_400)
        table = pa.table(
            {
                "arm": drawn.item.astype(np.int16),
                "position": drawn.position.astype(np.int8),
                "reward": drawn.click.astype(np.float64),
                "pscore": drawn.propensity,
                "day": np.full(len(drawn.item), day, np.int8),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _timed(work: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Return the best clock and processor seconds of some repeats."""
    clocks, processors = [], []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        clocks.append(time.perf_counter() - clock)
        processors.append(time.process_time() - processor)
    return min(clocks), min(processors)


def _line(what: str, seconds: tuple[float, float]) -> None:
    sys.stdout.write(f"{what:66} {seconds[0]:7.2f} s, {seconds[1]:6.2f} s of processor\n")
    sys.stdout.flush()


def _ratio(found: float, target: float) -> None:
    sys.stdout.write(f"  ratio of processor seconds {found:,.0f}x (to reach {target:g}x)\n")


if __name__ == "__main__":
    sys.exit(main())
