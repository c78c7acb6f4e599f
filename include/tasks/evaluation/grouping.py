"""Group the rows of a log too long for memory by unit, on disk.

Rows are dealt out by a hash of their unit into parts that fit into memory, so that a unit lies
whole in one of them; each part is then sorted by unit and kept as compact columns. What follows
reads those, again and again, and never a name.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.feedback import Feedback
from include.bandit.ope.streamed import CHUNK
from include.bandit.ope.units import Piece, UnitRows
from include.bandit.statistics import IntArray

if TYPE_CHECKING:
    import polars as pl

# Sorting so many rows with their names takes some 300 MB.
PART_ROWS: Final = 1_000_000
# Every part waits for so many rows before it writes them.
BUFFERED_ROWS: Final = 16_384
ALL: Final = "all"
UNIT: Final = "unit"
ROW: Final = ("batch", "position", "arm", "pscore", "reward")

_UNSIGNED = NDArray[np.uint64]


def group_by_unit(
    batches: "Sequence[pl.LazyFrame]",
    rows: int,
    folder: Path,
    feedback: "Callable[[pl.DataFrame], Feedback]",
    *,
    positions: int,
) -> UnitRows:
    """Write the rows of a log grouped by unit; a row that names none is a unit of its own.

    Parameters
    ----------
    batches
        Batches in order, with ``row_id``, ``unit`` and what `feedback` reads.
    rows
        How many rows they have.
    folder
        An empty folder for some 60 bytes a row, and twice the length of its unit's name while
        grouping; the result reads from it.
    feedback
        Makes rows of a frame.
    positions
        How many positions there are: where more than one, each one's rows are also kept apart.
    """
    import polars as pl

    parts = -(-rows // PART_ROWS)
    for index, batch in enumerate(batches):
        named = batch.select(
            UNIT,
            *(pl.lit(index, pl.Int32).alias(name) if name == "batch" else name for name in ROW),
            # The same seed, the same parts: equal rows give equal sums.
            hash=pl.coalesce(UNIT, "row_id").hash(seed=0),
        )
        dealt = named.with_columns(part=pl.col("hash") % parts)
        into = pl.PartitionBy(folder / f"batch-{index}", key="part", include_key=False)
        dealt.sink_ipc(into, mkdir=True, maintain_order=False, record_batch_size=BUFFERED_ROWS)
    name = 0
    for part in range(parts):
        found = sorted(folder.glob(f"batch-*/part={part}/*.ipc"))
        if found:
            ordered = _ordered(pl.scan_ipc(found))
            name += _mixed_units(ordered)
            _keep(ordered, folder, f"{part:06}.ipc", positions)
        for one in found:
            one.unlink()

    def pieces(position: int | None) -> Iterator[Piece]:
        apart = positions > 1 and position is not None
        for file in sorted((folder / (f"position-{position}" if apart else ALL)).glob("*.ipc")):
            yield from _pieces(pl.read_ipc(file), feedback)

    return UnitRows(pieces, f"{name % 2**64:016x}")


def _keep(rows: "pl.DataFrame", folder: Path, file: str, positions: int) -> None:
    (folder / ALL).mkdir(exist_ok=True)
    rows.write_ipc(folder / ALL / file)
    if positions == 1:
        return
    for (position,), own in rows.partition_by("position", as_dict=True).items():
        apart = folder / f"position-{position}"
        apart.mkdir(exist_ok=True)
        own.write_ipc(apart / file)


def _ordered(rows: "pl.LazyFrame") -> "pl.DataFrame":
    """Sort by unit and number the units, in an order that no file's layout changes."""
    import polars as pl

    # Sorting by hash first spares most of the comparisons of names; equal hashes are told apart.
    new = pl.col(UNIT).is_null() | (pl.col(UNIT) != pl.col(UNIT).shift()).fill_null(value=True)
    return (
        rows.sort("hash", UNIT, *ROW).select(new.cum_sum().cast(pl.Int64).alias("cluster"), *ROW)
    ).collect()


def _pieces(
    rows: "pl.DataFrame", feedback: "Callable[[pl.DataFrame], Feedback]"
) -> Iterator[Piece]:
    """Cut a part between units, into pieces that fit in a cache."""
    from dataclasses import replace

    starts = _starts(rows)
    wanted = np.arange(0, rows.height, CHUNK)
    ends = np.unique(
        np.append(starts[np.searchsorted(starts, wanted[1:], "right") - 1], rows.height)
    )
    begin = 0
    for end in ends[ends > 0].tolist():
        piece = rows.slice(begin, end - begin)
        cluster, batch = (piece[name].to_numpy().astype(np.int64) for name in ("cluster", "batch"))
        yield batch, replace(feedback(piece), cluster=cluster)
        begin = end


def _starts(rows: "pl.DataFrame") -> IntArray:
    return np.flatnonzero(np.diff(rows["cluster"].to_numpy(), prepend=-1))


def _mixed_units(rows: "pl.DataFrame") -> int:
    """Name rows and which of them are one unit's; names add, however units are dealt out."""
    row = np.zeros(rows.height, np.uint64)
    for name in ROW:
        column = rows[name].to_numpy()
        bits = column.astype(np.float64 if column.dtype.kind == "f" else np.int64).view(np.uint64)
        row = _mix(row ^ bits)
    return int(_mix(np.add.reduceat(row, _starts(rows))).sum(dtype=np.uint64))


def _mix(value: _UNSIGNED) -> _UNSIGNED:
    """Spread every bit over all (the finaliser of SplitMix64, Steele et al. 2014)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
