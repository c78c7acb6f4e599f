"""Off-policy evaluation of logs of any size: polars groups, numpy sums, the core judges."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.statistics import ArmStatistics

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("arm", "position", "reward", "pscore")
# 64k rows of a column fit in a core's cache.
CHUNK = 65_536


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

    keys = [pl.col(name) for name in ([fold] if fold else [])] + [pl.col("position"), pl.col("arm")]
    inverse, reward = 1.0 / pl.col("pscore"), pl.col("reward").cast(pl.Float64)
    groups = (
        frame.group_by(keys)
        .agg(
            pl.len().alias("n"),
            reward.sum().alias("r"),
            (reward * reward).sum().alias("r2"),
            inverse.sum().alias("ip"),
            (inverse * inverse).sum().alias("ip2"),
            (reward * inverse).sum().alias("r_ip"),
            (reward * inverse * inverse).sum().alias("r_ip2"),
            ((reward * inverse) ** 2).sum().alias("r2_ip2"),
        )
        .collect(engine="streaming")
    )
    index = tuple(groups[key.meta.output_name()].to_numpy().astype(np.int64) for key in keys)
    folds = (int(index[0].max()) + 1,) if fold and len(groups) else ()

    def table(name: str, dtype: type) -> np.ndarray:
        cells = np.zeros((*folds, positions, arms), dtype)
        cells[index] = groups[name].to_numpy()
        return cells

    names = ("r", "r2", "ip", "ip2", "r_ip", "r_ip2", "r2_ip2")
    return ArmStatistics(table("n", np.int64), *(table(name, np.float64) for name in names))


def chunks(path: str, positions: int, arms: int) -> Iterator[Feedback]:
    """Yield a parquet file's rows in order, chunk by chunk, without holding them all."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK, columns=list(COLUMNS)):
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
