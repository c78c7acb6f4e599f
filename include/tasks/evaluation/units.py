"""Which rows of a log are one unit's: they may depend on each other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from include.bandit.feedback import Feedback

if TYPE_CHECKING:
    import polars as pl

UNIT: Final = "unit"


def clustered(frames: "Sequence[pl.DataFrame]", rows: Feedback) -> Feedback:
    """Return the log with the unit of every row as its cluster.

    A row that names no unit is a unit of its own. Where no unit comes twice, as in a log
    without units, rows are independent and there are no clusters.

    Parameters
    ----------
    frames
        Batches in order, with ``row_id`` and perhaps ``unit``.
    rows
        The same rows.
    """
    import polars as pl

    if UNIT not in frames[0].columns:
        return rows
    named = pl.concat(frame.select("row_id", UNIT) for frame in frames)
    # The two kinds of name may not meet.
    who = named.select(
        pl.when(pl.col(UNIT).is_null())
        .then(pl.lit("r") + pl.col("row_id"))
        .otherwise(pl.lit("u") + pl.col(UNIT))
        .rank("dense")
    ).to_series()
    codes = who.to_numpy().astype(np.int64) - 1
    return rows if int(codes.max()) + 1 == rows.n else replace(rows, cluster=codes)
