"""Off-policy evaluation of logs of any size: sums and row passes that stream from parquet."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from include.bandit.feedback import Feedback, sum_by
from include.bandit.ope.stream import RowPass
from include.bandit.statistics import ArmStatistics

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("arm", "position", "reward", "pscore")
# So many rows of a column fit in a core's cache.
CHUNK = 32_768


def sums(
    frame: "pl.LazyFrame", positions: int, arms: int, fold: str | None = None
) -> ArmStatistics:
    """Return the sums of a log by (position, arm), streamed: (P, K), or (F, P, K) by fold.

    Parameters
    ----------
    frame
        Columns ``arm``, ``position``, ``reward``, ``pscore``, as silver has them.
    positions, arms
        P and K.
    fold
        Integer column from 0 that names the fold, as a batch's index.
    """
    import polars as pl

    cell = pl.col("position").cast(pl.Int32) * arms + pl.col("arm").cast(pl.Int32)
    if fold is not None:
        cell += pl.col(fold).cast(pl.Int32) * (positions * arms)
    reward, inverse = pl.col("reward").cast(pl.Float64), 1.0 / pl.col("pscore")
    weighted = reward * inverse
    groups = (
        frame.group_by(cell.alias("cell"))
        .agg(
            pl.len().alias("n"),
            reward.sum().alias("sum_r"),
            (reward * reward).sum().alias("sum_r2"),
            inverse.sum().alias("sum_ip"),
            (inverse * inverse).sum().alias("sum_ip2"),
            weighted.sum().alias("sum_r_ip"),
            (weighted * inverse).sum().alias("sum_r_ip2"),
            (weighted * weighted).sum().alias("sum_r2_ip2"),
        )
        .collect(engine="streaming")
    )
    index = groups["cell"].to_numpy().astype(np.int64)
    shape: tuple[int, ...] = (positions, arms)
    if fold is not None:
        shape = (int(index.max(initial=0)) // (positions * arms) + 1, *shape)
    size = int(np.prod(shape))
    n = np.zeros(size, np.int64)
    n[index] = groups["n"].to_numpy()
    return ArmStatistics(
        n.reshape(shape),
        *(
            sum_by(index, groups[field.name].to_numpy(), size).reshape(shape)
            for field in fields(ArmStatistics)[1:]
        ),
    )


def chunks(
    path: Path, positions: int, arms: int, groups: Sequence[int] | None = None
) -> Iterator[Feedback]:
    """Yield the rows of a parquet file, or of some of its row groups, without holding them all."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(
            CHUNK, row_groups=groups, columns=list(COLUMNS), use_threads=False
        ):
            arm, position, reward, pscore = (
                batch.column(name).to_numpy(zero_copy_only=False) for name in COLUMNS
            )
            yield Feedback(
                arm.astype(np.int64),
                position.astype(np.int64),
                reward.astype(np.float64, copy=False),
                pscore.astype(np.float64, copy=False),
                arms=arms,
                positions=positions,
            )


def row_pass(path: Path, empty: RowPass, threads: int = 2) -> RowPass:
    """Add all rows of a parquet file to an empty pass.

    Each thread takes every ``threads``-th row group; the parts are merged in their order, so
    equal files give equal bytes for an equal number of threads.
    """
    import pyarrow.parquet as pq

    positions, arms = empty.policy.shape
    groups = list(range(pq.read_metadata(path).num_row_groups))

    def work(first: int) -> RowPass:
        part = RowPass(empty.policy, empty.model, empty.estimators, empty.parameters)
        if groups[first::threads]:
            for chunk in chunks(path, positions, arms, groups[first::threads]):
                part.add(chunk)
        return part

    with ThreadPoolExecutor(threads) as pool:
        return reduce(add, pool.map(work, range(threads)), empty)
